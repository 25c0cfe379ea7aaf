// SPDX-License-Identifier: Apache-2.0
#include "cmd/bundle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/status_socket.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/fs.h"
#include "base/ini.h"
#include "conf/conf.h"

#define FILE_MAX_BYTES	 (64u << 10)
#define POLICY_FILE_TOLD (1u << 20)
#define POLICY_FILES_MAX 64
#define SEGMENTS_LISTED	 2000
#define LOG_BYTES	 (4u << 20)
#define LOG_WAIT_MS	 20000
#define LOG_LINES	 "2000"

extern char **environ;

static void say_error(struct buf *out, const char *what, int error)
{
	buf_addf(out, "%s: %s\n", what, strerrordesc_np(-error));
}

/* ---- files -------------------------------------------------------------- */

static void add_file(struct buf *out, const char *path)
{
	cleanup_free char *text = NULL;
	size_t n;
	int r = fs_read_regular(path, FILE_MAX_BYTES, &text, &n);

	buf_addf(out, "==> %s\n", path);
	if (r < 0)
		say_error(out, "cannot be read", r);
	else
		bundle_add_public(out, slice_of(text, n));
	if (r >= 0 && n && text[n - 1] != '\n')
		buf_add_char(out, '\n');
}

static void gather_version(const struct bundle_source *s, struct buf *out)
{
	struct utsname u;

	(void)s;
	buf_add_str(out, "picket " PICKET_VERSION "\n");
	if (uname(&u) == 0)
		buf_addf(out, "%s %s %s %s\n", u.sysname, u.release, u.version,
			 u.machine);
	add_file(out, "/etc/os-release");
}

/* What decides which hooks can be had, and how much may be pinned. */
static void gather_kernel(const struct bundle_source *s, struct buf *out)
{
	static const char *const files[] = {
		"/proc/version",
		"/sys/kernel/security/lsm",
		"/sys/kernel/security/lockdown",
		"/proc/sys/kernel/unprivileged_bpf_disabled",
		"/proc/sys/kernel/perf_event_paranoid",
		"/proc/sys/kernel/kptr_restrict",
		"/proc/sys/net/core/bpf_jit_enable",
		"/proc/self/status",
		"/proc/self/cgroup",
		"/proc/meminfo",
		"/proc/loadavg",
	};
	struct stat st;

	(void)s;
	if (stat("/sys/kernel/btf/vmlinux", &st) == 0)
		buf_addf(out, "BTF of the kernel: %lld bytes\n",
			 (long long)st.st_size);
	else
		say_error(out, "BTF of the kernel", -errno);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		add_file(out, files[i]);
}

/* ---- configuration and policy ------------------------------------------- */

void bundle_add_public(struct buf *out, struct slice text)
{
	const char *end = text.p + text.n, *p = text.p, *scheme, *stop, *at;

	while (p < end && (scheme = memmem(p, (size_t)(end - p), "://", 3))) {
		scheme += 3;
		for (stop = scheme; stop < end; stop++)
			if (strchr(" \t\n'\"", *stop))
				break;
		buf_add(out, p, (size_t)(scheme - p));
		at = memrchr(scheme, '@', (size_t)(stop - scheme));
		if (at) {
			buf_add_str(out, "(taken out)");
			scheme = at;
		}
		/* Tokens stand in paths as well as in queries. */
		for (at = scheme; at < stop; at++)
			if (strchr("/?#", *at))
				break;
		buf_add(out, scheme, (size_t)(at - scheme));
		if (stop - at > 1)
			buf_addf(out, "%c(taken out)", *at);
		else
			buf_add(out, at, (size_t)(stop - at));
		p = stop;
	}
	buf_add(out, p, (size_t)(end - p));
}

static void add_wrong(const struct bundle_source *s, struct buf *out)
{
	cleanup_free char *text = NULL;
	size_t n;
	int r = fs_read_regular(s->config, FILE_MAX_BYTES, &text, &n);

	buf_addf(out, "# %s is wrong", s->config);
	if (s->wrong_line)
		buf_addf(out, " in line %u of what follows", s->wrong_line + 1);
	buf_add_str(out, ": see 'picket check'\n");
	if (r < 0)
		say_error(out, "# cannot be read", r);
	else
		bundle_add_wrong_config(out, slice_of(text, n));
}

static void gather_config(const struct bundle_source *s, struct buf *out)
{
	cleanup_buf struct buf all = BUF_INIT(1u << 20);

	if (s->wrong) {
		add_wrong(s, out);
		return;
	}
	buf_add_str(out, "# every key as it stands, defaults included\n");
	conf_print(&all, s->conf);
	bundle_add_public(out, buf_slice(&all));
}

/* Of a very large one its beginning: generated lists are all alike. */
static void add_policy_file(struct buf *out, const char *path)
{
	cleanup_free char *text = NULL;
	size_t n, told;
	int r = fs_read_regular(path, INI_FILE_MAX, &text, &n);

	buf_addf(out, "==> %s\n", path);
	if (r < 0) {
		say_error(out, "cannot be read", r);
		return;
	}
	told = n > POLICY_FILE_TOLD ? POLICY_FILE_TOLD : n;
	bundle_add_public(out, slice_of(text, told));
	if (told && text[told - 1] != '\n')
		buf_add_char(out, '\n');
	if (told < n)
		buf_addf(out, "(%zu bytes more)\n", n - told);
}

static int is_ini(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return e->d_name[0] != '.' && dot && !strcmp(dot, ".ini");
}

static void gather_policy(const struct bundle_source *s, struct buf *out)
{
	struct dirent **names = NULL;
	char path[4096];
	int n = scandir(s->conf->rules.dir, &names, is_ini, alphasort);

	if (n < 0)
		say_error(out, s->conf->rules.dir, -errno);
	for (int i = 0; i < n; i++) {
		if (i < POLICY_FILES_MAX &&
		    (size_t)snprintf(path, sizeof(path), "%s/%s",
				     s->conf->rules.dir,
				     names[i]->d_name) < sizeof(path))
			add_policy_file(out, path);
		free(names[i]);
	}
	free(names);
}

/* ---- the running agent and its journal ---------------------------------- */

static void ask(const struct bundle_source *s, enum status_form form,
		struct buf *out)
{
	cleanup_buf struct buf answer = BUF_INIT(1u << 20);
	int r = s->journal ? status_socket_ask(s->journal, form, &answer)
			   : -ENOENT;

	if (r < 0)
		say_error(out, "picket does not answer", r);
	else
		bundle_add_public(out, buf_slice(&answer));
}

static void gather_status(const struct bundle_source *s, struct buf *out)
{
	ask(s, STATUS_TEXT, out);
}

static void gather_metrics(const struct bundle_source *s, struct buf *out)
{
	ask(s, STATUS_PROMETHEUS, out);
}

/* Names, sizes and times: nothing of what happened. */
static void gather_journal(const struct bundle_source *s, struct buf *out)
{
	struct dirent **names = NULL;
	char time[32];
	int fd, n;

	if (!s->journal)
		return;
	fd = open(s->journal, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	n = fd < 0 ? -1 : scandirat(fd, ".", &names, NULL, alphasort);
	if (n < 0)
		say_error(out, s->journal, -errno);
	for (int i = 0; i < n; i++) {
		struct stat st;

		if (i < SEGMENTS_LISTED && fstatat(fd, names[i]->d_name, &st,
						   AT_SYMLINK_NOFOLLOW) == 0) {
			buf_addf(out, "%06o %u:%u %12lld %s ", st.st_mode,
				 st.st_uid, st.st_gid, (long long)st.st_size,
				 clock_print((int64_t)st.st_mtim.tv_sec *
						     (int64_t)NS_PER_S,
					     time));
			escape_text(out, slice_str(names[i]->d_name));
			buf_add_char(out, '\n');
		}
		free(names[i]);
	}
	free(names);
	if (fd >= 0)
		(void)close(fd);
}

/* ---- the log ------------------------------------------------------------ */

/* What the program prints, until it ends, is too slow or says too much. */
static void drain(int fd, pid_t pid, struct buf *out)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	uint64_t deadline = clock_mono_ns() + LOG_WAIT_MS * NS_PER_MS;
	char some[8192];
	ssize_t n;

	while (out->n < LOG_BYTES && clock_mono_ns() < deadline) {
		if (poll(&ready, 1, 1000) <= 0)
			continue;
		n = read(fd, some, sizeof(some));
		if (n <= 0)
			break;
		buf_add(out, some, (size_t)n);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static int run_journalctl(struct buf *out)
{
	/* execve's type is older than const. */
	static char words[][32] = {
		"journalctl",
		"--no-pager",
		"--output=short-iso",
		"--unit=picket.service",
		"--unit=picket-ship.service",
		"--lines=" LOG_LINES,
	};
	char *argv[sizeof(words) / sizeof(*words) + 1] = { NULL };
	posix_spawn_file_actions_t actions;
	int ends[2], r;
	pid_t pid;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		argv[i] = words[i];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	r = posix_spawn_file_actions_init(&actions);
	if (!r) {
		r = posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
		if (!r)
			r = posix_spawn_file_actions_adddup2(&actions, 1, 2);
		if (!r)
			r = posix_spawnp(&pid, argv[0], &actions, NULL, argv,
					 environ);
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	(void)close(ends[1]);
	if (!r)
		drain(ends[0], pid, out);
	(void)close(ends[0]);
	return -r;
}

/* Where an alert begins that is told in the service's log, as alert_line. */
static const char *alert_in(struct slice line)
{
	static const char begins[] = "]: ", is[] = "alert: ";
	const char *end = line.p + line.n, *p;
	struct slice word;

	p = memmem(line.p, line.n, begins, sizeof(begins) - 1);
	if (!p)
		return NULL;
	word = slice_of(p + sizeof(begins) - 1,
			(size_t)(end - p) - (sizeof(begins) - 1));
	p = memchr(word.p, ' ', word.n);
	if (!slice_starts(word, slice_str(is)) && p)
		word = slice_of(p + 1, (size_t)(end - p) - 1);
	return slice_starts(word, slice_str(is)) ? word.p + sizeof(is) - 1
						 : NULL;
}

/* An alert tells arguments: who needs more than its uid asks the journal. */
static void add_log_line(struct buf *out, struct slice line)
{
	static const char mark[] = "  uid=";
	const char *what = alert_in(line), *end = line.p + line.n, *p, *uid;

	if (!what) {
		bundle_add_public(out, line);
		return;
	}
	buf_add(out, line.p, (size_t)(what - line.p));
	buf_add_str(out, "(taken out)");
	for (uid = NULL, p = what;
	     (p = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1)); p++)
		uid = p;
	if (uid)
		buf_add(out, uid, (size_t)(end - uid));
}

static void add_log(struct buf *out, struct slice lines)
{
	while (lines.n) {
		const char *end = memchr(lines.p, '\n', lines.n);
		size_t n = end ? (size_t)(end - lines.p) : lines.n;

		add_log_line(out, slice_of(lines.p, n));
		buf_add_char(out, '\n');
		n += end != NULL;
		lines = slice_of(lines.p + n, lines.n - n);
	}
}

static void gather_log(const struct bundle_source *s, struct buf *out)
{
	cleanup_buf struct buf lines = BUF_INIT(2 * LOG_BYTES);
	int r = run_journalctl(&lines);

	(void)s;
	if (r < 0)
		say_error(out, "journalctl cannot be run", r);
	else
		add_log(out, buf_slice(&lines));
}

const struct bundle_piece bundle_pieces[] = {
	{ "version.txt", "versions of picket, kernel and distribution",
	  gather_version },
	{ "kernel.txt", "what the kernel allows, memory and load",
	  gather_kernel },
	{ "config.ini", "configuration, of addresses only the hosts",
	  gather_config },
	{ "policy.ini", "the policy's files", gather_policy },
	{ "status.txt", "what picket sees, has lost and has shipped",
	  gather_status },
	{ "metrics.txt", "the same as figures", gather_metrics },
	{ "journal.txt", "names, sizes and times of the journal's files",
	  gather_journal },
	{ "log.txt", "the last " LOG_LINES " lines of the services' log",
	  gather_log },
	{ 0 },
};
