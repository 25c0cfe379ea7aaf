/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipped policy, on what a Debian server does by itself and on what an
 * intruder does to it. A scene names the acting program and its ancestors,
 * nearest first, as PROGRAM or PROGRAM+SCRIPT, divided by " < ".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "rules/rules.h"

#define POLICY	 "packaging/policy.d"
#define LINE_MAX 12

#define PID1	 " < /usr/lib/systemd/systemd"
#define LOGIN	 " < /usr/bin/bash < /usr/sbin/sshd" PID1
#define APT	 " < /usr/bin/apt-get < /usr/bin/bash < /usr/sbin/sshd" PID1
#define DPKG	 " < /usr/bin/dpkg" APT
#define POSTINST " < /usr/bin/dash+/var/lib/dpkg/info/x.postinst" DPKG
#define NGINX	 " < /usr/sbin/nginx" PID1

/* What is expected, who, and what it does. */
#define RUNS(expected, line, ...)                            \
	{                                                    \
		.rule = (expected), .who = line, __VA_ARGS__ \
	}
#define DOES(expected, line, what, name, ...)                                  \
	{                                                                      \
		.rule = (expected), .who = line, .op = (what), .path = (name), \
		__VA_ARGS__                                                    \
	}
#define MOVES(expected, line, from, to, ...) \
	DOES(expected, line, OP_RENAME, from, .new_path = (to), __VA_ARGS__)

#define LOADS(expected, line, what, name)                             \
	{                                                             \
		.rule = (expected), .who = line, .load = LOAD_##what, \
		.path = (name)                                        \
	}
#define TAMPERS(expected, line, what)                              \
	{                                                          \
		.rule = (expected), .who = line, .tamper = (what), \
	}

static struct rule_set *set;

static const struct scene {
	const char *rule; /* NULL: no alert; else the deny that is named */
	const char *who;
	/* Of these at most one, else an exec. What is tampered with is picket. */
	enum write_op op;
	enum load_op load;
	enum tamper_op tamper;
	const char *path, *new_path;
	const char *unit, *cgroup;
	bool tty, memfd, deleted;
	const char *arg;
} scenes[] = {
	/* ---- what a healthy server does ---------------------------------- */
	/* apt-get install: dpkg unpacks and renames into place */
	DOES(NULL, "/usr/bin/dpkg" APT, OP_OPEN, "/etc/cron.d/php.dpkg-new"),
	MOVES(NULL, "/usr/bin/dpkg" APT, "/etc/cron.d/php.dpkg-new",
	      "/etc/cron.d/php"),
	MOVES(NULL, "/usr/bin/dpkg" APT,
	      "/usr/lib/systemd/system/x.service.dpkg-new",
	      "/usr/lib/systemd/system/x.service"),
	DOES(NULL, "/usr/bin/dpkg" APT, OP_UNLINK, "/etc/pam.d/x"),
	DOES(NULL, "/usr/bin/dpkg" APT, OP_OPEN, "/var/lib/dpkg/status-new"),
	DOES(NULL, "/usr/bin/apt-get" LOGIN, OP_OPEN, "/var/lib/dpkg/lock"),
	DOES(NULL, "/usr/bin/dpkg" APT, OP_OPEN,
	     "/usr/lib/modules/6.1.0-13-amd64/kernel/fs/x.ko"),
	DOES(NULL, "/usr/bin/dpkg < /usr/bin/bash", OP_OPEN,
	     "/etc/sudoers.d/x"),
	/* picket itself, when it takes over what runs in the kernel */
	{ .who = "/usr/bin/picket < /usr/lib/systemd/systemd",
	  .tamper = TAMPER_BPF,
	  .unit = "picket.service" },
	/* unattended-upgrades is a Python program that links libapt */
	DOES(NULL,
	     "/usr/bin/dpkg < /usr/bin/python3.11+/usr/bin/unattended-upgrade "
	     "< /usr/bin/dash+/usr/lib/apt/apt.systemd.daily" PID1,
	     OP_OPEN, "/etc/ssh/sshd_config", .unit = "apt-daily.service"),
	/* maintainer scripts */
	MOVES(NULL, "/usr/sbin/useradd" POSTINST, "/etc/passwd+",
	      "/etc/passwd"),
	MOVES(NULL, "/usr/bin/systemd-sysusers" POSTINST, "/etc/.#passwdX3f1a",
	      "/etc/passwd"),
	DOES(NULL, "/usr/bin/perl+/usr/bin/deb-systemd-helper" POSTINST,
	     OP_SYMLINK,
	     "/etc/systemd/system/multi-user.target.wants/x.service"),
	MOVES(NULL, "/usr/bin/perl+/usr/sbin/pam-auth-update" POSTINST,
	      "/etc/pam.d/common-auth.pam-new", "/etc/pam.d/common-auth"),
	DOES(NULL, "/usr/bin/ssh-keygen" POSTINST, OP_OPEN,
	     "/etc/ssh/ssh_host_rsa_key"),
	MOVES(NULL,
	      "/usr/bin/kmod < /usr/bin/dash+/etc/kernel/postinst.d/x" DPKG,
	      "/usr/lib/modules/6.1.0-13-amd64/modules.dep.123.0",
	      "/usr/lib/modules/6.1.0-13-amd64/modules.dep"),
	RUNS(NULL, "/usr/bin/dash+/var/lib/dpkg/info/x.postinst" DPKG),
	RUNS(NULL, "/usr/bin/dash+/var/lib/dpkg/tmp.ci/preinst" DPKG),
	RUNS(NULL, "/usr/bin/dash+/var/cache/debconf/tmp.ci/x.config.1" APT),
	/* rpm and dnf */
	DOES(NULL, "/usr/bin/python3.9+/usr/bin/dnf < /usr/bin/bash", OP_OPEN,
	     "/etc/pam.d/x;1234"),
	MOVES(NULL,
	      "/usr/sbin/useradd < /usr/bin/bash < "
	      "/usr/bin/python3.9+/usr/bin/dnf < /usr/bin/bash",
	      "/etc/group+", "/etc/group"),
	/* units are enabled by the manager */
	DOES(NULL, "/usr/lib/systemd/systemd", OP_SYMLINK,
	     "/etc/systemd/system/multi-user.target.wants/x.service"),
	MOVES(NULL, "/usr/lib/systemd/systemd",
	      "/etc/systemd/system/.#x.service1234",
	      "/etc/systemd/system/x.service"),
	/* an administrator at a terminal */
	MOVES(NULL, "/usr/bin/passwd" LOGIN, "/etc/nshadow", "/etc/shadow",
	      .tty = true),
	MOVES(NULL, "/usr/sbin/useradd" LOGIN, "/etc/shadow+", "/etc/shadow",
	      .tty = true),
	MOVES(NULL, "/usr/bin/crontab" LOGIN,
	      "/var/spool/cron/crontabs/tmp.3CvQ5a",
	      "/var/spool/cron/crontabs/root", .tty = true),
	/* boot */
	DOES(NULL, "/usr/lib/systemd/systemd-sysctl" PID1, OP_OPEN,
	     "/proc/sys/kernel/core_pattern", .unit = "systemd-sysctl.service"),
	DOES(NULL, "/usr/lib/systemd/systemd-binfmt" POSTINST, OP_OPEN,
	     "/proc/sys/fs/binfmt_misc/register"),
	MOVES(NULL, "/usr/bin/systemd-sysusers" PID1, "/etc/.#groupb1c2d3",
	      "/etc/group", .unit = "systemd-sysusers.service"),
	DOES(NULL, "/usr/bin/python3.11+/usr/bin/cloud-init" PID1, OP_OPEN,
	     "/root/.ssh/authorized_keys", .unit = "cloud-init.service"),
	/* what servers do all day */
	DOES(NULL, "/usr/sbin/nginx" PID1, OP_WRITE,
	     "/var/log/nginx/access.log"),
	MOVES(NULL, "/usr/sbin/logrotate" PID1, "/var/log/syslog",
	      "/var/log/syslog.1"),
	RUNS(NULL, "/usr/bin/ls" LOGIN),
	RUNS(NULL, "/usr/bin/run-parts < /usr/sbin/cron" PID1),
	DOES(NULL, "/usr/sbin/sshd" PID1, OP_WRITE, "/run/utmp"),
	DOES(NULL, "/usr/bin/bash" LOGIN, OP_OPEN, "/tmp/x"),
	/* containers start, and engines outlive their upgrade */
	RUNS(NULL,
	     "/memfd:runc_cloned:/proc/self/exe < /usr/sbin/runc < "
	     "/usr/bin/containerd-shim-runc-v2" PID1,
	     .memfd = true, .deleted = true, .arg = "init"),
	RUNS(NULL, "/usr/lib/systemd/systemd-executor" PID1, .deleted = true),
	RUNS(NULL,
	     "/usr/bin/containerd-shim-runc-v2 < /usr/bin/containerd" PID1,
	     .deleted = true),
	MOVES(NULL, "/usr/bin/picket-ship" PID1,
	      "/var/lib/picket/ship/cursor.tmp", "/var/lib/picket/ship/cursor"),
	DOES(NULL, "/usr/bin/picket" PID1, OP_UNLINK,
	     "/var/lib/picket/journal/000001.seg"),
	/* libraries, plugins and modules from where they are installed */
	LOADS(NULL, "/usr/sbin/nginx" PID1, MMAP,
	      "/usr/lib/x86_64-linux-gnu/libc.so.6"),
	LOADS(NULL, "/opt/app/bin/server" PID1, MMAP, "/opt/app/lib/x.so"),
	LOADS(NULL, "/usr/bin/kmod < /usr/lib/systemd/systemd-udevd" PID1,
	      MODULE, "/usr/lib/modules/6.1.0-13-amd64/kernel/fs/x.ko"),
	LOADS(NULL, "/usr/lib/systemd/systemd-udevd" PID1, MODULE, ""),
	LOADS(NULL, "/usr/lib/systemd/systemd", BPF, ""),
	/* systemctl stop picket */
	TAMPERS(NULL, "/usr/lib/systemd/systemd", TAMPER_SIGNAL),
	/* where it puts what it starts */
	TAMPERS(NULL, "/usr/lib/systemd/systemd", TAMPER_MOVE),
	TAMPERS(NULL, "/usr/lib/systemd/systemd", TAMPER_FREEZE),
	/* the same where /lib is no link, and where there is no init.scope */
	TAMPERS(NULL, "/lib/systemd/systemd", TAMPER_SIGNAL),
	{ .who = "/usr/lib/systemd/systemd",
	  .tamper = TAMPER_SIGNAL,
	  .cgroup = "/" },
	DOES(NULL, "/lib/systemd/systemd", OP_WRITE,
	     "/sys/fs/cgroup/cpu/system.slice/picket.service/cpu.shares",
	     .cgroup = "/"),

	/* ---- what an intruder does ---------------------------------------- */
	LOADS("load-from-world-writable", "/usr/bin/ls" LOGIN, MMAP,
	      "/tmp/x.so"),
	LOADS("load-from-world-writable", "/usr/sbin/sshd" PID1, MMAP,
	      "/dev/shm/.x/libpam.so"),
	LOADS("module-from-elsewhere", "/usr/bin/kmod" LOGIN, MODULE,
	      "/root/rootkit.ko"),
	LOADS("module-from-memory", "/usr/bin/python3.11" LOGIN, MODULE, ""),
	DOES("process-memory-as-file", "/usr/bin/python3.11" LOGIN, OP_WRITE,
	     "/proc/4711/mem"),
	TAMPERS("picket-signalled", "/usr/bin/bash" LOGIN, TAMPER_SIGNAL),
	TAMPERS("picket-traced", "/usr/bin/gdb" LOGIN, TAMPER_PTRACE),
	TAMPERS("picket-traced", "/usr/bin/python3.11" LOGIN, TAMPER_VM_WRITE),
	TAMPERS("picket-traced", "/usr/bin/python3.11" LOGIN,
		TAMPER_DESCRIPTOR),
	TAMPERS("picket-crippled", "/usr/bin/prlimit" LOGIN, TAMPER_LIMIT),
	TAMPERS("picket-crippled", "/usr/bin/python3.11" LOGIN, TAMPER_SIGIO),
	TAMPERS("picket-crippled", "/usr/lib/systemd/systemd", TAMPER_LIMIT),
	TAMPERS("picket-confined", "/usr/bin/bash" LOGIN, TAMPER_MOVE),
	TAMPERS("picket-confined", "/usr/bin/bash" LOGIN, TAMPER_FREEZE),
	TAMPERS("picket-bpf", "/usr/sbin/bpftool" LOGIN, TAMPER_BPF),
	DOES("picket-frozen", "/usr/bin/bash" LOGIN, OP_OPEN,
	     "/sys/fs/cgroup/system.slice/cgroup.freeze"),
	DOES(NULL, "/usr/lib/systemd/systemd", OP_OPEN,
	     "/sys/fs/cgroup/system.slice/cgroup.freeze"),
	DOES("picket-starved", "/usr/bin/bash" LOGIN, OP_OPEN,
	     "/sys/fs/cgroup/system.slice/picket.service/cpu.max"),
	DOES("picket-starved", "/usr/bin/bash" LOGIN, OP_WRITE,
	     "/sys/fs/cgroup/cpu/system.slice/cpu.cfs_quota_us"),
	DOES("picket-starved", "/usr/bin/choom" LOGIN, OP_OPEN,
	     "/proc/4711/oom_score_adj"),
	DOES(NULL, "/usr/lib/systemd/systemd", OP_OPEN,
	     "/sys/fs/cgroup/system.slice/picket.service/memory.max"),
	DOES("picket-starved", "/usr/bin/bash" LOGIN, OP_WRITE,
	     "/proc/4711/task/4712/oom_adj"),
	DOES("picket-starved", "/usr/bin/bash" LOGIN, OP_WRITE,
	     "/tmp/p/4711/autogroup"),
	DOES("picket-starved", "/usr/bin/bash" LOGIN, OP_WRITE,
	     "/4711/timerslack_ns"),
	/* files of that name that are no process's */
	DOES(NULL, "/usr/bin/bash" LOGIN, OP_WRITE, "/srv/oom_score_adj"),
	/* PID 1's program by somebody else, and a user's manager */
	TAMPERS("picket-signalled", "/usr/lib/systemd/systemd" LOGIN,
		TAMPER_SIGNAL),
	TAMPERS("picket-confined", "/usr/lib/systemd/systemd" LOGIN,
		TAMPER_MOVE),
	TAMPERS("picket-confined", "/usr/lib/systemd/systemd" PID1,
		TAMPER_FREEZE),
	DOES("picket-frozen", "/usr/lib/systemd/systemd" LOGIN, OP_OPEN,
	     "/sys/fs/cgroup/system.slice/cgroup.freeze"),
	DOES("picket-starved", "/usr/lib/systemd/systemd" PID1, OP_WRITE,
	     "/sys/fs/cgroup/system.slice/picket.service/cpu.max",
	     .cgroup = "/user.slice/user-0.slice/user@0.service/init.scope"),
	/* systemctl set-property: PID 1 writes it for itself */
	MOVES("picket-unit", "/usr/lib/systemd/systemd",
	      "/run/systemd/system.control/picket.service.d/.#50-CPUQuota.conf1",
	      "/run/systemd/system.control/picket.service.d/50-CPUQuota.conf"),
	DOES("picket-unit", "/usr/lib/systemd/systemd", OP_OPEN,
	     "/etc/systemd/system.control/system.slice.d/50-CPUQuota.conf"),
	DOES("picket-unit", "/usr/bin/ln" LOGIN, OP_SYMLINK,
	     "/run/systemd/system/system.slice.d"),
	DOES("picket-unit", "/usr/bin/tee" LOGIN, OP_OPEN,
	     "/run/systemd/system/picket-ship.service"),
	DOES("units-of-a-type", "/usr/bin/tee" LOGIN, OP_OPEN,
	     "/run/systemd/system/service.d/x.conf"),
	DOES("units-of-a-type", "/usr/bin/tee" LOGIN, OP_OPEN,
	     "/etc/systemd/system.control/slice.d/x.conf"),
	MOVES("units-of-a-type", "/usr/bin/mv" LOGIN, "/root/z",
	      "/run/systemd/transient/service.d"),
	DOES(NULL, "/usr/bin/dash", OP_OPEN,
	     "/run/systemd/system/service.d/zzz-lxc-service.conf",
	     .cgroup = "/lxc.payload.web/system.slice/x"),
	/* units of others, as they are made all day */
	DOES(NULL, "/usr/lib/systemd/systemd", OP_OPEN,
	     "/run/systemd/transient/session-4.scope"),
	DOES(NULL, "/usr/lib/systemd/systemd", OP_OPEN,
	     "/run/systemd/transient/user-0.slice.d/50-TasksMax.conf"),
	/* nobody's program, and a server that installs one */
	RUNS("unlisted", "/opt/x" LOGIN),
	RUNS("unlisted", "/usr/bin/dash+/opt/x.sh" LOGIN),
	RUNS("unlisted", "/usr/bin/dash+/var/lib/dpkg/info/x.postinst" LOGIN),
	RUNS("server-child-administers", "/usr/bin/dpkg < /usr/bin/dash" NGINX),
	RUNS("server-child-administers",
	     "/usr/sbin/useradd < /usr/bin/sudo < /usr/bin/dash" NGINX),
	DOES("package-database", "/usr/bin/bash" LOGIN, OP_OPEN,
	     "/var/lib/dpkg/status"),
	DOES("package-database", "/home/u/usr/bin/dpkg" LOGIN, OP_OPEN,
	     "/var/lib/dpkg/info/x.md5sums"),
	RUNS("exec-from-world-writable", "/tmp/.x/a" NGINX),
	RUNS("exec-from-world-writable", "/dev/shm/a" LOGIN),
	RUNS("exec-from-world-writable", "/var/tmp/mkinitramfs_x/a" LOGIN),
	RUNS("script-from-world-writable", "/usr/bin/dash+/tmp/a.sh" NGINX),
	RUNS("exec-from-runtime-directory", "/run/user/1000/a" LOGIN),
	RUNS("exec-from-memory", "/memfd:x" NGINX, .memfd = true,
	     .deleted = true),
	/* in a container, by the name of runc's own copy */
	RUNS("exec-from-memory",
	     "/memfd:runc_cloned:/proc/self/exe < /usr/bin/sh < "
	     "/memfd:runc_cloned:/proc/self/exe < /usr/sbin/runc" PID1,
	     .memfd = true, .deleted = true, .arg = "init"),
	RUNS("exec-of-deleted-file", "/usr/bin/x" LOGIN, .deleted = true),
	DOES("cron-files", "/usr/bin/bash" LOGIN, OP_OPEN, "/etc/cron.d/x"),
	MOVES("cron-files", "/usr/bin/mv" LOGIN, "/root/x", "/etc/cron.d/x"),
	MOVES("cron-files", "/usr/bin/mv" LOGIN, "/etc/cron.d/x", "/root/x"),
	MOVES("cron-files", "/usr/bin/crontab < /usr/bin/dash" NGINX,
	      "/var/spool/cron/crontabs/tmp.3CvQ5a",
	      "/var/spool/cron/crontabs/www-data"),
	/* crontab at a terminal is let through for crontabs only */
	MOVES("cron-files", "/usr/bin/crontab" LOGIN,
	      "/var/spool/cron/crontabs/tmp.3CvQ5a", "/etc/cron.d/x",
	      .tty = true),
	DOES("systemd-units", "/usr/bin/tee" LOGIN, OP_OPEN,
	     "/etc/systemd/system.conf.d/x.conf"),
	DOES("systemd-units", "/usr/bin/tee" LOGIN, OP_OPEN,
	     "/etc/systemd/user.conf"),
	DOES("systemd-units", "/usr/bin/tee" LOGIN, OP_OPEN,
	     "/run/systemd/system.conf.d/x.conf"),
	DOES("systemd-units", "/usr/bin/bash" LOGIN, OP_OPEN,
	     "/etc/systemd/system/x.service"),
	DOES("systemd-units", "/usr/bin/cp" LOGIN, OP_OPEN,
	     "/home/u/.config/systemd/user/x.service"),
	DOES("systemd-units", "/usr/lib/systemd/systemd", OP_OPEN,
	     "/etc/systemd/system/x.service"),
	DOES("boot-and-login-scripts", "/usr/bin/bash" LOGIN, OP_OPEN,
	     "/etc/profile.d/x.sh"),
	DOES("ssh-keys", "/usr/bin/bash" LOGIN, OP_WRITE,
	     "/root/.ssh/authorized_keys"),
	DOES("ssh-keys", "/usr/bin/bash" LOGIN, OP_OPEN,
	     "/srv/git/.ssh/authorized_keys"),
	/* packages do not bring keys */
	DOES("ssh-keys", "/usr/bin/dash" POSTINST, OP_OPEN,
	     "/root/.ssh/authorized_keys"),
	MOVES("directory-replaced", "/usr/bin/mv" LOGIN, "/home/u/x",
	      "/home/u/.ssh"),
	MOVES("ssh-daemon", "/usr/bin/sed" LOGIN, "/etc/ssh/sedX1",
	      "/etc/ssh/sshd_config"),
	DOES("sudoers", "/usr/bin/tee" LOGIN, OP_OPEN, "/etc/sudoers.d/x"),
	DOES("pam", "/usr/bin/bash" LOGIN, OP_OPEN, "/etc/pam.d/sshd"),
	DOES("pam", "/usr/bin/cp" LOGIN, OP_OPEN,
	     "/usr/lib/x86_64-linux-gnu/security/pam_unix.so"),
	DOES("ld-so-preload", "/usr/bin/bash" LOGIN, OP_OPEN,
	     "/etc/ld.so.preload"),
	DOES("ld-so-preload", "/usr/bin/dpkg" APT, OP_OPEN,
	     "/etc/ld.so.preload"),
	DOES("ld-so-conf", "/usr/bin/bash" LOGIN, OP_OPEN,
	     "/etc/ld.so.conf.d/x.conf"),
	DOES("accounts", "/usr/bin/bash" LOGIN, OP_WRITE, "/etc/passwd"),
	MOVES("accounts", "/usr/sbin/useradd < /usr/bin/dash" NGINX,
	      "/etc/shadow+", "/etc/shadow"),
	MOVES("accounts", "/usr/sbin/useradd" LOGIN, "/tmp/x", "/etc/shadow",
	      .tty = true),
	DOES("kernel-modules", "/usr/bin/cp" LOGIN, OP_OPEN,
	     "/usr/lib/modules/6.1.0-13-amd64/kernel/x.ko"),
	DOES("module-settings", "/usr/bin/bash" LOGIN, OP_OPEN,
	     "/etc/modprobe.d/x.conf"),
	DOES("kernel-helpers", "/usr/bin/bash" LOGIN, OP_OPEN,
	     "/proc/sys/kernel/modprobe"),
	/* as root by hand, whatever its settings say by then */
	DOES("kernel-helpers", "/usr/lib/systemd/systemd-binfmt" LOGIN, OP_OPEN,
	     "/proc/sys/fs/binfmt_misc/register"),
	DOES("mandatory-access-off", "/usr/sbin/setenforce" LOGIN, OP_OPEN,
	     "/sys/fs/selinux/enforce"),
	/* not by a name: the file that the kernel runs lies elsewhere */
	DOES("cron-files", "/home/u/usr/bin/dpkg" LOGIN, OP_OPEN,
	     "/etc/cron.d/x"),
	DOES("cron-files", "/home/u/x" POSTINST, OP_OPEN, "/etc/cron.d/x"),
	DOES("picket-files", "/usr/bin/bash" LOGIN, OP_OPEN,
	     "/etc/picket/policy.d/50-mine.ini"),
	DOES("picket-files", "/usr/bin/rm" LOGIN, OP_UNLINK,
	     "/var/lib/picket/journal/000001.seg"),
	DOES("picket-files", "/usr/bin/picket-ship" PID1, OP_UNLINK,
	     "/var/lib/picket/journal/000001.seg"),
	DOES("picket-ship-files", "/usr/bin/bash" LOGIN, OP_OPEN,
	     "/var/lib/picket/ship/cursor"),
	DOES("picket-files", "/usr/bin/rm" LOGIN, OP_UNLINK,
	     "/sys/fs/bpf/picket/0123/ring"),
	MOVES("picket-moved", "/usr/bin/mv" LOGIN, "/var/lib/picket",
	      "/var/lib/x"),
	MOVES("picket-moved", "/usr/bin/mv" LOGIN, "/root/x", "/etc/picket"),
	DOES("picket-moved", "/usr/bin/ln" LOGIN, OP_SYMLINK,
	     "/sys/fs/bpf/picket"),
	/* what each start and its package do */
	DOES(NULL, "/usr/lib/systemd/systemd" PID1, OP_CHOWN,
	     "/var/lib/picket"),
	DOES(NULL, "/usr/bin/dpkg" APT, OP_MKDIR, "/etc/picket"),
	DOES("picket-frozen", "/usr/bin/bash" LOGIN, OP_OPEN,
	     "/sys/fs/cgroup/system.slice/picket.service/cgroup.freeze"),
	DOES("kernel-probes-off", "/usr/sbin/sysctl" LOGIN, OP_OPEN,
	     "/proc/sys/kernel/ftrace_enabled"),
};

struct stage {
	struct image line[LINE_MAX];
	char who[512];
};

static uint64_t image_ids;

/* What lies below /usr is packaged, and nothing else is. */
static struct file_facts facts_of(const char *path)
{
	bool is_packaged =
		!strncmp(path, "/usr/", 5) || !strncmp(path, "/etc/", 5);

	return (struct file_facts){
		.known = true,
		.hash = HASH_DONE,
		.trust = is_packaged ? TRUST_PACKAGE : TRUST_UNPACKAGED,
	};
}

/* The line of images that the text tells, the actor first. */
static struct image *set_stage(struct stage *s, const struct scene *scene)
{
	char *at = s->who, *next, *plus;
	size_t n = 0;

	memset(s->line, 0, sizeof(s->line));
	(void)snprintf(s->who, sizeof(s->who), "%s", scene->who);
	for (; at; at = next, n++) {
		struct image *img = &s->line[n];

		assert_true(n < LINE_MAX);
		next = strstr(at, " < ");
		if (next) {
			*next = '\0';
			next += 3;
			img->parent = img + 1;
		}
		plus = strchr(at, '+');
		if (plus) {
			*plus = '\0';
			img->script = slice_str(plus + 1);
			img->flags = IMAGE_F_SCRIPT;
		}
		img->id = ++image_ids;
		img->proc.tgid = next ? 100 + (uint32_t)n : 1;
		img->exe.path = slice_str(at);
		img->exe_file.known = true;
		img->exe_file.nlink = 1;
		img->exe_facts = facts_of(at);
		if (plus)
			img->script_facts = facts_of(plus + 1);
		img->script_file.known = plus;
		img->cgroup = slice_str("/system.slice/x");
		img->unit = slice_str("x.service");
		if (!next)
			img->cgroup = slice_str("/init.scope");
	}
	s->line[0].tty = scene->tty;
	s->line[0].exe_file.memfd = scene->memfd;
	s->line[0].exe.flags = scene->deleted ? PATH_F_DELETED : 0;
	/* As the kernel side tells a file without a directory. */
	if (scene->memfd)
		s->line[0].exe.flags |= PATH_F_UNRESOLVED;
	if (scene->unit)
		s->line[0].unit = slice_str(scene->unit);
	if (scene->cgroup)
		s->line[0].cgroup = slice_str(scene->cgroup);
	if (scene->arg)
		s->line[0].args = slice_of(scene->arg, strlen(scene->arg) + 1);
	return &s->line[0];
}

static struct event event_of(const struct scene *s)
{
	struct event ev = { .kind = EVENT_EXEC };

	if (s->op) {
		ev.kind = EVENT_WRITE;
		ev.write.op = s->op;
		ev.write.path.path = slice_str(s->path);
		ev.write.new_path.path = slice_str(s->new_path);
	} else if (s->load) {
		ev.kind = EVENT_LOAD;
		ev.load.op = s->load;
		ev.load.path.path = slice_str(s->path);
	} else if (s->tamper) {
		ev.kind = EVENT_TAMPER;
		ev.tamper.op = s->tamper;
		ev.tamper.of_picket = true;
	}
	return ev;
}

static void the_shipped_policy_tells_intruders_from_the_system(void **state)
{
	static struct stage stage;
	size_t i, wrong = 0;

	(void)state;
	for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		const struct scene *s = &scenes[i];
		struct event ev = event_of(s);
		struct verdict v =
			rule_set_match(set, &ev, set_stage(&stage, s));
		const char *says = v.rule ? v.rule : "unlisted";
		const char *got = v.alert ? says : "silence";

		if (!strcmp(got, s->rule ? s->rule : "silence"))
			continue;
		wrong++;
		print_message("# %s: %s %s: %s, not %s\n", s->who,
			      write_op_name(s->op), s->path ? s->path : "exec",
			      got, s->rule ? s->rule : "silence");
	}
	assert_int_equal(wrong, 0);
}

static void every_alert_has_severity_and_technique(void **state)
{
	struct rule_info info;
	size_t i, denies = 0;

	(void)state;
	for (i = 0; i < rule_set_count(set); i++) {
		rule_set_info(set, i, &info);
		if (strcmp(info.action, "deny"))
			continue;
		denies++;
		assert_true(info.severity >= SEVERITY_MEDIUM);
		assert_non_null(info.tag);
		assert_int_equal(info.tag[0], 'T');
	}
	assert_true(denies >= 15);
}

static void every_rule_says_why(void **state)
{
	struct rule_info info;
	char line[1024], before[2][1024] = { "", "" };
	size_t i;

	(void)state;
	for (i = 0; i < rule_set_count(set); i++) {
		unsigned n = 0;
		FILE *f;

		rule_set_info(set, i, &info);
		f = fopen(info.file, "re");
		assert_non_null(f);
		while (n < info.line && fgets(line, sizeof(line), f)) {
			strcpy(before[n % 2], line);
			n++;
		}
		(void)fclose(f);
		/* The line above the section, unless it is a rule's pair. */
		if (before[n % 2][0] != '#' &&
		    strncmp(info.name, "script-", 7) &&
		    strcmp(info.name, "atd"))
			fail_msg("no comment above [%s]", info.name);
	}
}

static int load(void **state)
{
	struct rule_options opt = { .now_wall_ns = clock_wall_ns() };
	struct rule_error err;

	(void)state;
	opt.unlisted[EVENT_EXEC] = UNLISTED_ALERT;
	if (rule_set_load(POLICY, &opt, &set, &err) == 0)
		return 0;
	print_message("# %s:%u: %s\n", err.file, err.line, err.what);
	return -1;
}

static int unload(void **state)
{
	(void)state;
	rule_set_free(set);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_shipped_policy_tells_intruders_from_the_system),
		cmocka_unit_test(every_alert_has_severity_and_technique),
		cmocka_unit_test(every_rule_says_why),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
