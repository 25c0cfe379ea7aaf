/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drops the shipper's privileges before it uses the network: all it needs is to
 * read the journal, write to its state directories and connect.
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
 * Create dir and its parents, owned by u. One that exists is left as it is: its
 * owner is the operator's decision. -errno.
 */
int confine_make_dir(const char *dir, const struct confine_user *u);

/*
 * Is dir above, below or the same as the journal's directory, after resolving
 * links? If the shipper could write there the journal would prove nothing.
 */
bool confine_meets(const char *dir, const char *journal);

/*
 * Change to user u (if found), drop every capability from every set, and set
 * no_new_privs. -errno with the step that failed in *ret_what.
 */
int confine_drop(const struct confine_user *u, const char **ret_what);

/*
 * Landlock: from now on only files directly in these directories can be
 * changed, nothing can be executed, no TCP port bound and no foreign process
 * signalled, as far as the kernel supports it. Call it after confine_drop.
 * Returns the ABI that was used; 0: this kernel has no Landlock; -errno.
 */
int confine_files(const char *const *dirs, size_t n);

/*
 * seccomp: refuse (EPERM) the system calls that a shipper does not need and an
 * attacker in it would: exec, ptrace, other processes' memory, mounts, modules,
 * BPF, namespaces, keys, clocks, listening, and sockets other than Internet and
 * unix ones. Calls of another architecture kill the process. -errno.
 */
int confine_syscalls(void);
