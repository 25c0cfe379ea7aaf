/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new kernel brings new ways to do old things: fchmodat2 is a chmod that no
 * table of before 6.6 has. So the calls that were looked at are all listed
 * here, harmless ones included, and the kernel's list is held against them. A
 * call that is in neither list is told in the coverage table.
 *
 * Names are those of the kernel's functions, which the numberings share, and
 * of the headers where they differ (newstat, stat). Variants for 16-bit ids
 * and 32-bit times are found by what they are variants of.
 */
#include "sense/calls.h"

#include <stdio.h>
#include <string.h>

static const struct {
	enum calls_class class;
	const char *names; /* with a blank before and behind each */
} reviewed[] = {
	/* files opened, written, changed, by descriptor and by name */
	{ CALLS_WATCHED, " open creat openat openat2 open_by_handle_at write "
			 "pwrite64 writev pwritev pwritev2 sendfile sendfile64 "
			 "splice copy_file_range fallocate ftruncate "
			 "ftruncate64 fchmod fchown fchown32 fsetxattr "
			 "fremovexattr mmap mmap2 ioctl io_submit rename "
			 "renameat renameat2 unlink unlinkat rmdir link linkat "
			 "symlink symlinkat mkdir mkdirat mknod mknodat chmod "
			 "fchmodat fchmodat2 chown lchown chown32 lchown32 "
			 "fchownat truncate truncate64 setxattr lsetxattr "
			 "removexattr lremovexattr setxattrat removexattrat "
			 "file_setattr utime utimes futimesat utimensat "
			 "utimensat_time64 " },
	/* sockets, code loaded, other processes reached into */
	{ CALLS_WATCHED, " connect socket listen socketcall io_uring_enter bpf "
			 "ptrace process_vm_writev finit_module pidfd_getfd "
			 "prlimit64 fcntl fcntl64 " },
	/* other names of the above, in the kernel and for x32 */
	{ CALLS_ELSEWHERE, " mmap_pgoff old_mmap pwritev64 pwritev64v2 " },
	/* tracepoints of processes, signals and modules */
	{ CALLS_ELSEWHERE, " execve execveat fork vfork clone clone3 exit "
			   "exit_group kill tkill tgkill rt_sigqueueinfo "
			   "rt_tgsigqueueinfo pidfd_send_signal init_module "
			   "create_module " },
	/* sockets: bound and sent to, by hooks of the kernel's own objects */
	{ CALLS_ELSEWHERE, " bind send sendto sendmsg sendmmsg " },
	/*
	 * Descriptors, to be told when they are used; a mapping made writable
	 * or executable, or longer, told or left out as the coverage table
	 * says of mappings.
	 */
	{ CALLS_ELSEWHERE, " dup dup2 dup3 recvmsg recvmmsg "
			   "mprotect pkey_mprotect mremap "
			   "remap_file_pages uselib memfd_create memfd_secret "
			   "io_uring_setup io_uring_register " },
	/* the caller asks about the system, files, sockets, itself */
	{ CALLS_HARMLESS,
	  " read pread64 readv preadv preadv2 preadv64 preadv64v2 readahead "
	  "lseek llseek _llseek access faccessat faccessat2 stat newstat "
	  "oldstat stat64 lstat newlstat oldlstat lstat64 fstat newfstat "
	  "oldfstat fstat64 newfstatat fstatat64 statx statfs statfs64 fstatfs "
	  "fstatfs64 ustat readlink readlinkat getdents getdents64 readdir "
	  "old_readdir getcwd getxattr lgetxattr fgetxattr getxattrat listxattr "
	  "llistxattr flistxattr listxattrat file_getattr name_to_handle_at "
	  "lookup_dcookie cachestat mincore statmount listmount listns sysfs "
	  "sysinfo uname newuname olduname oldolduname syslog getrandom "
	  "gethostname getcpu getrusage times getrlimit old_getrlimit "
	  "ugetrlimit getpriority getpid getppid gettid getpgid getpgrp getsid "
	  "getuid geteuid getgid getegid getuid32 geteuid32 getgid32 getegid32 "
	  "getresuid getresgid getresuid32 getresgid32 getgroups getgroups32 "
	  "capget kcmp lsm_get_self_attr lsm_list_modules getsockname "
	  "getpeername getsockopt process_vm_readv get_mempolicy ioprio_get "
	  "profil prof get_kernel_syms query_module " },
	/* waits, locks, times, signals to oneself, scheduling */
	{ CALLS_HARMLESS,
	  " poll ppoll select old_select _newselect pselect6 epoll_create "
	  "epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old "
	  "epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4 "
	  "timerfd_create timerfd_gettime timerfd_settime timer_create "
	  "timer_delete timer_getoverrun timer_gettime timer_settime "
	  "gettimeofday time clock_getres clock_gettime clock_gettime64 "
	  "timer_gettime64 timer_settime64 timerfd_gettime64 "
	  "timerfd_settime64 clock_nanosleep nanosleep getitimer setitimer alarm pause wait4 "
	  "waitid waitpid futex futex_wait futex_waitv futex_wake futex_requeue "
	  "get_robust_list set_robust_list flock inotify_init inotify_init1 "
	  "inotify_add_watch inotify_rm_watch fanotify_init fanotify_mark "
	  "rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn "
	  "rt_sigsuspend rt_sigtimedwait sigaction sigaltstack signal "
	  "sigpending sigprocmask sigreturn sigsuspend sgetmask ssetmask "
	  "sched_get_priority_max sched_get_priority_min sched_getaffinity "
	  "sched_getattr sched_getparam sched_getscheduler "
	  "sched_rr_get_interval sched_setaffinity sched_setattr "
	  "sched_setparam sched_setscheduler sched_yield nice setpriority "
	  "ioprio_set io_setup io_destroy io_cancel io_getevents io_pgetevents "
	  "restart_syscall rseq rseq_slice_yield membarrier pidfd_open " },
	/* the caller's own memory, descriptors and limits */
	{ CALLS_HARMLESS,
	  " brk munmap madvise process_madvise process_mrelease mbind "
	  "set_mempolicy set_mempolicy_home_node migrate_pages move_pages mlock "
	  "mlock2 mlockall munlock munlockall msync map_shadow_stack mseal "
	  "pkey_alloc pkey_free shmat shmdt shmget shmctl userfaultfd "
	  "modify_ldt set_thread_area get_thread_area set_tid_address "
	  "arch_prctl close close_range pipe pipe2 socketpair accept accept4 "
	  "shutdown setsockopt recv recvfrom fsync fdatasync sync syncfs "
	  "sync_file_range sync_file_range2 fadvise64 fadvise64_64 "
	  "arm_fadvise64_64 umask chdir fchdir setrlimit personality "
	  "arm64_personality setpgid setsid vhangup idle break stty gtty ulimit "
	  "ftime lock mpx getpmsg putpmsg tuxcall security vserver "
	  "afs_syscall nfsservctl bdflush _sysctl set_zone_reclaim "
	  "uretprobe uprobe " },
	/* between processes, by no file that has a name on a disk */
	{ CALLS_HARMLESS, " tee vmsplice msgctl msgget msgrcv msgsnd "
			  "old_msgctl semctl old_semctl semget semop "
			  "semtimedop old_shmctl ipc mq_getsetattr mq_notify "
			  "mq_open mq_timedreceive mq_timedsend mq_unlink " },
	/* of other architectures, where a kernel has their stubs */
	{ CALLS_HARMLESS, " ni_syscall vm86 vm86old rtas s390_ipc "
			  "s390_pci_mmio_read s390_pci_mmio_write spu_create "
			  "spu_run subpage_prot pciconfig_iobase "
			  "pciconfig_read pciconfig_write " },
	/* who one is: each record has it as of the act */
	{ CALLS_ELSEWHERE,
	  " setuid setgid setreuid setregid setresuid setresgid setfsuid "
	  "setfsgid setgroups setuid32 setgid32 setreuid32 setregid32 "
	  "setresuid32 setresgid32 setfsuid32 setfsgid32 setgroups32 capset "
	  "prctl unshare setns chroot seccomp landlock_create_ruleset "
	  "landlock_add_rule landlock_restrict_self lsm_set_self_attr "
	  "add_key request_key keyctl " },
	/* mounts: names go through them, that one was made is not told */
	{ CALLS_UNASKED, " mount umount umount2 oldumount pivot_root fsopen "
			 "fsmount fsconfig fspick move_mount open_tree "
			 "open_tree_attr mount_setattr quotactl quotactl_fd "
			 "swapon swapoff acct " },
	/* the machine as a whole */
	{ CALLS_UNASKED, " reboot kexec_load kexec_file_load delete_module "
			 "sethostname setdomainname settimeofday stime "
			 "clock_settime clock_settime64 clock_adjtime "
			 "clock_adjtime64 adjtimex ioperm iopl "
			 "perf_event_open " },
};

/* How the kernel's functions that are system calls begin. */
static const char *const prefixes[] = {
	"__x64_sys_",	       "__x32_compat_sys_",  "__x64_compat_sys_",
	"__ia32_sys_",	       "__ia32_compat_sys_", "__arm64_sys_",
	"__arm64_compat_sys_",
};

/* And, behind that, those of 32-bit calls whose arguments differ. */
static const char *const arguments[] = { "ia32_", "aarch32_" };

static const char *const variants[] = { "16", "_time32", "_time64", "32" };

static enum calls_class class_of(const char *name, size_t n)
{
	char word[64];
	size_t i;

	/* Two names with a blank between them are no name. */
	if (n + 3 > sizeof(word) || memchr(name, ' ', n))
		return CALLS_UNKNOWN;
	(void)snprintf(word, sizeof(word), " %.*s ", (int)n, name);
	for (i = 0; i < sizeof(reviewed) / sizeof(reviewed[0]); i++)
		if (strstr(reviewed[i].names, word))
			return reviewed[i].class;
	return CALLS_UNKNOWN;
}

enum calls_class calls_class_of(const char *name)
{
	enum calls_class class = class_of(name, strlen(name));
	size_t n = strlen(name), end, i;

	for (i = 0; class == CALLS_UNKNOWN &&
		    i < sizeof(variants) / sizeof(variants[0]);
	     i++) {
		end = strlen(variants[i]);
		if (n > end && strcmp(name + n - end, variants[i]) == 0)
			class = class_of(name, n - end);
	}
	return class;
}

/* Several numberings have a call under one name: it is told once. */
static bool is_told(const struct calls_found *found, const char *name)
{
	const char *at = found->names;
	size_t n = strlen(name);

	while ((at = strstr(at, name))) {
		if ((at == found->names || at[-1] == ' ') &&
		    (at[n] == ',' || !at[n]))
			return true;
		at += n;
	}
	return false;
}

/* What is behind one of these; NULL: it begins with none. */
static const char *behind(const char *name, const char *const *begin, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strncmp(name, begin[i], strlen(begin[i])) == 0)
			return name + strlen(begin[i]);
	return NULL;
}

#define BEHIND(name, list) behind(name, list, sizeof(list) / sizeof((list)[0]))

void calls_note(struct calls_found *found, const char *function)
{
	const char *name = BEHIND(function, prefixes), *rest;
	size_t used;

	if (!name)
		return;
	found->count++;
	/* Built only with them; they have been called both. */
	found->x32 = found->x32 ||
		     strncmp(function, "__x32_compat_sys_", 17) == 0 ||
		     strncmp(function, "__x64_compat_sys_", 17) == 0;
	rest = BEHIND(name, arguments);
	name = rest ? rest : name;
	if (calls_class_of(name) != CALLS_UNKNOWN || is_told(found, name))
		return;
	found->unknown++;
	used = strlen(found->names);
	/* Whole names only: the count says that there are more. */
	if (used + strlen(name) + 3 < sizeof(found->names))
		(void)snprintf(found->names + used, sizeof(found->names) - used,
			       "%s%s", used ? ", " : "", name);
}
