/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shipper gives up before it meets the network: it needs no right
 * but to read the journal, write its state directory and connect.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct confine_user {
	bool found;
	uid_t uid;
	gid_t gid;
};

/*
 * A system user by name, from /etc/passwd itself and never through NSS,
 * whose modules would run here with whatever rights there still are.
 */
int confine_find_user(const char *name, struct confine_user *ret);

/*
 * Make dir, and its parents, if it is not there, and give it to u. One that
 * is there is left as it is: who it belongs to is the operator's business.
 */
int confine_make_dir(const char *dir, const struct confine_user *u);

/*
 * Does dir hold the journal, or lie in it, wherever links lead? With rights
 * over dir the journal would not be proof of anything.
 */
bool confine_meets(const char *dir, const char *journal);

/*
 * Change to u (if found), give up every capability in every set, for good,
 * and every gain by exec. what: the step that failed.
 */
int confine_drop(const struct confine_user *u, const char **ret_what);

/*
 * From here on nothing can be changed but files right in these directories,
 * nothing executed, no TCP port bound, no process of others signalled, as far
 * as the kernel can hold that (Landlock). After confine_drop. The ABI that was
 * used; 0: this kernel has none of it, permissions alone have to do.
 */
int confine_files(const char *const *dirs, size_t n);

/*
 * Refuse (EPERM) the system calls that a shipper has no use for and whoever
 * took it over would: exec, ptrace, other processes' memory, mounts,
 * modules, BPF, namespaces, keys, clocks, listening, and sockets that are
 * neither of the Internet nor local. Another architecture's calls end the
 * process.
 */
int confine_syscalls(void);
