// SPDX-License-Identifier: Apache-2.0
/*
 * Requests and answers are one packet each on a pair of sockets. What the
 * helper runs is this program's own file, by the descriptor that was opened
 * at the start: a name can be put in its place, an inode cannot.
 */
#include "app/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

#define NOBODY 65534

struct helper {
	pid_t pid;
	int fd;
};

struct request {
	char nonce[HELPER_NONCE_MAX];
};

struct answer {
	int error;
};

/* ---- in the helper ------------------------------------------------------ */

/* In a container there may be no right to any of this: then it is so. */
static void give_up_everything(void)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { { 0 } };

	for (unsigned cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	/* By their system calls: the C library's look for other threads. */
	(void)syscall(SYS_setgroups, 0, NULL);
	(void)syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY);
	(void)syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY);
	(void)syscall(SYS_capset, &hdr, none);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* The agent handles its signals by descriptor; programs want the usual. */
static void reset_signals(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	/* A terminal's Ctrl-C is for the agent, which then ends this. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
}

static int run_canary(int self, const char *nonce)
{
	static char name[] = "picket", command[] = "canary";
	static char *const no_env[] = { NULL };
	char *const argv[] = { name, command, (char *)(uintptr_t)nonce, NULL };
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return errno;
	if (!pid) {
		(void)fexecve(self, argv, no_env);
		_exit(errno == EACCES ? 126 : 127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	if (!WIFEXITED(status))
		return EINTR;
	switch (WEXITSTATUS(status)) {
	case 0:
		return 0;
	case 126:
		return EACCES;
	case 127:
		return ENOEXEC;
	default:
		return EIO;
	}
}

static void serve(int fd, int *kept_fd)
{
	int self = *kept_fd;
	struct request q;
	struct answer a;
	ssize_t n;

	for (;;) {
		n = recv(fd, &q, sizeof(q), 0);
		if (n < 0 && errno == EINTR)
			continue;
		/* Closed at the other end: the agent is gone. */
		if (n != sizeof(q))
			_exit(0);
		q.nonce[sizeof(q.nonce) - 1] = '\0';
		a.error = run_canary(self, q.nonce);
		if (send(fd, &a, sizeof(a), MSG_NOSIGNAL) < 0)
			_exit(0);
	}
}

/* ---- in the agent ------------------------------------------------------- */

/*
 * Another helper's socket among them: while a copy of the agent's end is open
 * here, that one does not see the agent end.
 */
static void close_others(int a, int b)
{
	unsigned lo = (unsigned)(a < b ? a : b), hi = (unsigned)(a < b ? b : a);

	/* By its number: older C libraries do not have it. */
	(void)syscall(SYS_close_range, hi + 1, ~0u, 0);
	if (hi > lo + 1)
		(void)syscall(SYS_close_range, lo + 1, hi - 1, 0);
	if (lo > 3)
		(void)syscall(SYS_close_range, 3, lo - 1, 0);
}

int helper_start_as(const char *name, helper_fn serve_fn, int *kept_fd,
		    struct helper **ret)
{
	struct helper *h;
	int pair[2];
	pid_t agent = getpid();

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	h = calloc(1, sizeof(*h));
	if (!h) {
		(void)close(pair[0]);
		(void)close(pair[1]);
		return -ENOMEM;
	}
	h->pid = fork();
	if (!h->pid) {
		(void)close(pair[0]);
		(void)prctl(PR_SET_NAME, name, 0, 0, 0);
		give_up_everything();
		reset_signals();
		/* After the change of user, which takes this back. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (getppid() != agent)
			_exit(0);
		close_others(pair[1], kept_fd ? *kept_fd : pair[1]);
		serve_fn(pair[1], kept_fd);
		_exit(0);
	}
	(void)close(pair[1]);
	if (h->pid < 0) {
		int saved = errno;

		(void)close(pair[0]);
		free(h);
		return -saved;
	}
	h->fd = pair[0];
	*ret = h;
	return 0;
}

int helper_start(struct helper **ret)
{
	cleanup_close int self = -1;

	self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (self < 0)
		return -errno;
	return helper_start_as("picket-helper", serve, &self, ret);
}

void helper_stop(struct helper *h)
{
	if (!h)
		return;
	(void)close(h->fd);
	(void)kill(h->pid, SIGKILL);
	while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(h);
}

pid_t helper_pid(const struct helper *h)
{
	return h->pid;
}

int helper_fd(const struct helper *h)
{
	return h->fd;
}

int helper_canary(struct helper *h, const char nonce[static HELPER_NONCE_MAX])
{
	struct request q;

	memcpy(q.nonce, nonce, sizeof(q.nonce));
	if (send(h->fd, &q, sizeof(q), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return 0;
}

int helper_answer(struct helper *h, int *ret)
{
	struct answer a;
	ssize_t n = recv(h->fd, &a, sizeof(a), MSG_DONTWAIT);

	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	if (n != sizeof(a))
		return -EPIPE;
	*ret = a.error;
	return 0;
}
