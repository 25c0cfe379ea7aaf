// SPDX-License-Identifier: Apache-2.0
/* What a service manager hears, and whom it does not hear. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/notify.h"

static char dir[] = "/tmp/picket-notify-XXXXXX";
static char path[64];

/* The manager's end, bound to name; @ is the abstract namespace. */
static int manager(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	size_t n = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(at.sun_path, name, n);
	if (*name == '@')
		at.sun_path[0] = '\0';
	assert_int_equal(
		bind(fd, (struct sockaddr *)&at,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
		0);
	return fd;
}

static void hears(int fd, const char *what)
{
	char got[128];
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, what);
}

static void manager_is_told_by_path_and_by_abstract_name(void **state)
{
	char abstract[sizeof(path) + 1];
	const char *const names[] = { path, abstract };

	(void)state;
	(void)snprintf(abstract, sizeof(abstract), "@%s", path);
	for (int i = 0; i < 2; i++) {
		int fd = manager(names[i]);
		struct notify n;

		assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
		assert_int_equal(notify_open(&n), 0);
		assert_int_equal(notify_say(&n, "READY=1"), 0);
		hears(fd, "READY=1");
		notify_close(&n);
		(void)close(fd);
	}
	(void)unlink(path);
}

static void environment_is_not_handed_on(void **state)
{
	struct notify n;

	(void)state;
	assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "5000000", 1), 0);
	assert_int_equal(notify_open(&n), 0);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	assert_null(getenv("WATCHDOG_PID"));
	notify_close(&n);
}

static void nobody_who_wants_to_know_is_no_error(void **state)
{
	struct notify n;

	(void)state;
	assert_int_equal(notify_open(&n), 0);
	assert_int_equal(n.fd, -1);
	assert_int_equal(n.watchdog_ms, 0);
	assert_int_equal(notify_say(&n, "READY=1"), 0);
	notify_close(&n);
}

static void address_that_makes_no_sense_is_refused(void **state)
{
	char longer[200];
	const char *const bad[] = { "x", "/", "run/notify", "vsock:2:1",
				    longer };

	(void)state;
	memset(longer, 'a', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct notify n;

		assert_int_equal(setenv("NOTIFY_SOCKET", bad[i], 1), 0);
		assert_int_equal(notify_open(&n), -EINVAL);
		assert_int_equal(n.fd, -1);
		assert_null(getenv("NOTIFY_SOCKET"));
	}
}

static void watchdog_of_another_process_is_not_ours(void **state)
{
	static const struct {
		const char *usec, *add;
		uint64_t ms;
	} cases[] = {
		{ "30000000", "", 30000 },
		{ "30000000", "1", 0 },
		{ "x", "", 0 },
		{ "-1", "", 0 },
		{ "999", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char pid[32];
		struct notify n;

		(void)snprintf(pid, sizeof(pid), "%d%s", getpid(),
			       cases[i].add);
		assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
		assert_int_equal(setenv("WATCHDOG_USEC", cases[i].usec, 1), 0);
		assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
		assert_int_equal(notify_open(&n), 0);
		assert_int_equal(n.watchdog_ms, cases[i].ms);
		notify_close(&n);
	}
}

static void manager_that_does_not_keep_up_is_not_waited_for(void **state)
{
	int fd = manager(path), r = 0;
	struct notify n;

	(void)state;
	assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
	assert_int_equal(notify_open(&n), 0);
	for (int i = 0; i < 100000 && !r; i++)
		r = notify_say(&n, "WATCHDOG=1");
	assert_int_equal(r, -EAGAIN);
	notify_close(&n);
	(void)close(fd);
	(void)unlink(path);
}

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manager_is_told_by_path_and_by_abstract_name),
		cmocka_unit_test(environment_is_not_handed_on),
		cmocka_unit_test(nobody_who_wants_to_know_is_no_error),
		cmocka_unit_test(address_that_makes_no_sense_is_refused),
		cmocka_unit_test(watchdog_of_another_process_is_not_ours),
		cmocka_unit_test(
			manager_that_does_not_keep_up_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
