/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rights are dropped in the order in which the dropping needs them: groups,
 * user, bounding set, capabilities, no_new_privs, system calls. The seccomp
 * filter is a list of what is refused, not of what is allowed: curl, OpenSSL
 * and the C library change what they call from version to version, and what
 * a shipper must never do does not.
 */
#include "out/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

int confine_find_user(const char *name, struct confine_user *ret)
{
	cleanup_fclose FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;

	*ret = (struct confine_user){ 0 };
	if (!f)
		return errno == ENOENT ? 0 : -errno;
	while ((pw = fgetpwent(f))) {
		if (strcmp(pw->pw_name, name) != 0)
			continue;
		*ret = (struct confine_user){ true, pw->pw_uid, pw->pw_gid };
		break;
	}
	return 0;
}

/* Parents are for everybody to pass through; what is in dir is not. */
static int make_dir(const char *dir)
{
	cleanup_free char *parent = strdup(dir);
	char *slash;
	int r;

	if (!parent)
		return -ENOMEM;
	slash = strrchr(parent, '/');
	if (slash && slash != parent) {
		*slash = '\0';
		r = fs_mkdir_all(parent, 0755);
		if (r < 0)
			return r;
	}
	return fs_mkdir_all(dir, 0750);
}

int confine_make_dir(const char *dir, const struct confine_user *u)
{
	cleanup_close int fd = -1;
	int r;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 || errno != ENOENT)
		return fd >= 0 ? 0 : -errno;
	r = make_dir(dir);
	if (r < 0 || !u->found)
		return r;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	return fchown(fd, u->uid, u->gid) < 0 ? -errno : 0;
}

static int change_user(const struct confine_user *u, const char **ret_what)
{
	if (!u->found)
		return 0;
	*ret_what = "setgroups";
	if (setgroups(0, NULL) < 0)
		return -errno;
	*ret_what = "setresgid";
	if (setresgid(u->gid, u->gid, u->gid) < 0)
		return -errno;
	*ret_what = "setresuid";
	if (setresuid(u->uid, u->uid, u->uid) < 0)
		return -errno;
	return 0;
}

/* EINVAL: past the last capability that the kernel knows. */
static int drop_bounding(void)
{
	int cap;

	for (cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return errno == EINVAL && cap ? 0 : -errno;
	}
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { { 0 }, { 0 } };

	if (syscall(SYS_capset, &head, none) < 0)
		return -errno;
	return 0;
}

int confine_drop(const struct confine_user *u, const char **ret_what)
{
	int r;

	*ret_what = "PR_CAPBSET_DROP";
	r = drop_bounding();
	/* Without CAP_SETPCAP: no_new_privs keeps the set from mattering. */
	if (r < 0 && r != -EPERM)
		return r;
	r = change_user(u, ret_what);
	if (r < 0)
		return r;
	*ret_what = "PR_CAP_AMBIENT_CLEAR_ALL";
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	*ret_what = "capset";
	r = drop_capabilities();
	if (r < 0)
		return r;
	*ret_what = "PR_SET_NO_NEW_PRIVS";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* ---- system calls --------------------------------------------------------------- */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "which AUDIT_ARCH is this?"
#endif

static const int refused[] = {
	SYS_execve,
	SYS_execveat,
#ifndef __SANITIZE_ADDRESS__
	/* The leak checker of a test build traces its own process. */
	SYS_ptrace,
#endif
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_pidfd_getfd,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_kexec_file_load,
	SYS_reboot,
	SYS_swapon,
	SYS_acct,
	SYS_quotactl,
	SYS_sethostname,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_adjtimex,
	SYS_clock_adjtime,
	SYS_open_by_handle_at,
	SYS_name_to_handle_at,
	SYS_mknodat,
	SYS_process_madvise,
	SYS_personality,
	SYS_mount,
	SYS_umount2,
	SYS_move_mount,
	SYS_open_tree,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_mount_setattr,
	SYS_pivot_root,
	SYS_chroot,
	SYS_unshare,
	SYS_setns,
	SYS_keyctl,
	SYS_add_key,
	SYS_request_key,
	SYS_userfaultfd,
	SYS_io_uring_setup,
	SYS_listen,
	SYS_accept,
	SYS_accept4,
};

#define LOAD(member)                       \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
		 offsetof(struct seccomp_data, member))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)

static size_t make_filter(struct sock_filter *f)
{
	const struct sock_filter head[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
#ifdef __x86_64__
		/* x32 has the same arch and its own numbers. */
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
		RETURN(SECCOMP_RET_KILL_PROCESS),
#endif
	};
	/* Of sockets, the families that shipping and resolving names need. */
	const struct sock_filter sockets[] = {
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 7),
		LOAD(args),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 1, 0),
		RETURN(SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		RETURN(SECCOMP_RET_ALLOW),
	};
	const struct sock_filter tail[] = {
		RETURN(SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
	};
	size_t i, n = COUNT(head) + COUNT(sockets);

	memcpy(f, head, sizeof(head));
	memcpy(f + COUNT(head), sockets, sizeof(sockets));
	for (i = 0; i < COUNT(refused); i++) {
		/* To the last instruction: over the rest and the allowing. */
		f[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (__u32)refused[i],
			(__u8)(COUNT(refused) - i), 0);
	}
	memcpy(f + n, tail, sizeof(tail));
	return n + COUNT(tail);
}

int confine_syscalls(void)
{
	struct sock_filter filter[COUNT(refused) + 32];
	struct sock_fprog prog = { .filter = filter };

	prog.len = (unsigned short)make_filter(filter);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) < 0)
		return -errno;
	return 0;
}
