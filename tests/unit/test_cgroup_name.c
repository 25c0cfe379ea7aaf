/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroup paths as systemd and container runtimes make them, and worse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proc/cgroup_name.h"

#define HEX  "4f1c0a5d2b3e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8"
#define HEX2 "00000000000000000000000000000000000000000000000000000000000000ff"
#define UID  "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
#define UID_ "0a1b2c3d_4e5f_6071_8293_a4b5c6d7e8f9"
#define HASH "0123456789abcdef0123456789abcdef"

static const struct name_case {
	const char *path, *unit, *container, *pod;
} cases[] = {
	/* systemd */
	{ "/system.slice/nginx.service", "nginx.service", "", "" },
	{ "/system.slice/nginx.service/worker", "nginx.service", "", "" },
	{ "/system.slice/system-getty.slice/getty@tty1.service",
	  "getty@tty1.service", "", "" },
	{ "/system.slice/cups.socket", "cups.socket", "", "" },
	{ "/system.slice/srv-data.mount", "srv-data.mount", "", "" },
	{ "/system.slice/_memory.service", "memory.service", "", "" },
	{ "/init.scope", "init.scope", "", "" },
	{ "/user.slice/user-1000.slice/session-3.scope", "session-3.scope", "",
	  "" },
	{ "/user.slice/user-1000.slice/user@1000.service/init.scope",
	  "user@1000.service", "", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service",
	  "foo.service", "", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/"
	  "app-gnome-firefox-4711.scope",
	  "app-gnome-firefox-4711.scope", "", "" },
	{ "/user.slice/user-1000.slice", "user-1000.slice", "", "" },
	{ "/system.slice", "system.slice", "", "" },
	{ "/system.slice/a.service/b.slice", "a.service", "", "" },
	/* docker */
	{ "/system.slice/docker-" HEX ".scope", "", HEX, "" },
	{ "/docker/" HEX, "", HEX, "" },
	{ "/docker/" HEX "/system.slice/nginx.service", "nginx.service", HEX,
	  "" },
	{ "/docker/" HEX "/init.scope", "", HEX, "" },
	{ "/docker/" HEX "/docker/" HEX2, "", HEX2, "" },
	{ "/system.slice/docker.service/docker/" HEX, "", HEX, "" },
	{ "/system.slice/docker.service", "docker.service", "", "" },
	{ "/system.slice:docker:" HEX, "", HEX, "" },
	/* kubernetes */
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
	  ".slice/cri-containerd-" HEX ".scope",
	  "", HEX, UID_ },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" HEX ".scope", "",
	  HEX, UID_ },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-conmon-" HEX
	  ".scope",
	  "crio-conmon-" HEX ".scope", "", UID_ },
	{ "/kubepods/besteffort/pod" UID "/" HEX, "", HEX, UID },
	{ "/kubepods/pod" HASH "/" HEX, "", HEX, HASH },
	{ "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort"
	  ".slice/kubelet-kubepods-besteffort-pod" UID_
	  ".slice/cri-containerd-" HEX ".scope",
	  "", HEX, UID_ },
	{ "/kubepods-besteffort-pod" UID_ ".slice:cri-containerd:" HEX, "", HEX,
	  UID_ },
	{ "/system.slice/k3s.service/kubepods/burstable/pod" UID "/" HEX, "",
	  HEX, UID },
	{ "/kubepods/besteffort/pod" UID, "", "", UID },
	{ "/docker/" HEX2 "/kubelet/kubepods/pod" UID "/" HEX, "", HEX, UID },
	/* podman */
	{ "/machine.slice/libpod-" HEX ".scope/container", "", HEX, "" },
	{ "/machine.slice/libpod-conmon-" HEX ".scope",
	  "libpod-conmon-" HEX ".scope", "", "" },
	{ "/libpod_parent/libpod-" HEX, "", HEX, "" },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" HEX
	  ".scope",
	  "", HEX, "" },
	{ "/system.slice/web.service/libpod-payload-" HEX, "web.service", HEX,
	  "" },
	/* others */
	{ "/ecs/task/" HASH "-123456789", "", HASH "-123456789", "" },
	{ "/lxc/web", "", "web", "" },
	{ "/lxc.payload.web/system.slice/a.service", "a.service", "web", "" },
	{ "/lxc.payload/web", "", "web", "" },
	{ "/lxc.monitor.web", "", "", "" },
	{ "/machine.slice/machine-web.scope/payload", "", "web", "" },
	{ "/machine.slice/machine-web.scope/supervisor", "machine-web.scope",
	  "", "" },
	{ "/machine.slice/systemd-nspawn@web.service/payload/init.scope", "",
	  "web", "" },
	{ "/machine.slice/systemd-nspawn@web.service/supervisor",
	  "systemd-nspawn@web.service", "", "" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
	  "machine-qemu\\x2d1\\x2dvm.scope", "", "" },
	/* made to mislead, or not made for us */
	{ "", "", "", "" },
	{ "/", "", "", "" },
	{ "////", "", "", "" },
	{ ".service", "", "", "" },
	{ "/.slice/.scope", "", "", "" },
	{ "/_", "", "", "" },
	{ "/docker/" HEX "0", "", "", "" },
	{ "/docker-" HEX "x.scope", "docker-" HEX "x.scope", "", "" },
	{ "/x" HEX, "", "", "" },
	{ "/DOCKER/"
	  "4F1C0A5D2B3E6F708192A3B4C5D6E7F8091A2B3C4D5E6F708192A3B4C5D6E7F8",
	  "", "", "" },
	{ "/pod" UID "x", "", "", "" },
	{ "/pod0a1b2c3d-4e5f-6071-8293xa4b5c6d7e8f9", "", "", "" },
	{ "/machine-.scope", "machine-.scope", "", "" },
	{ "/lxc", "", "", "" },
	{ "/supervisor", "", "", "" },
	{ "/a.service/supervisor", "a.service", "", "" },
};

static void assert_part(struct slice got, const char *want, const char *path)
{
	if (got.n != strlen(want) || memcmp(got.p ? got.p : "", want, got.n))
		fail_msg("%s: '%.*s', not '%s'", path, (int)got.n,
			 got.p ? got.p : "", want);
}

static void paths_tell_unit_container_and_pod(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct name_case *c = &cases[i];
		struct cgroup_name name = cgroup_name_parse(slice_str(c->path));

		assert_part(name.unit, c->unit, c->path);
		assert_part(name.container, c->container, c->path);
		assert_part(name.pod, c->pod, c->path);
	}
}

/* Every prefix of every path: nothing past the end is looked at. */
static void cut_paths_give_an_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t n = strlen(cases[i].path);

		for (size_t k = 0; k <= n; k++) {
			char *copy = test_malloc(k + 1);
			struct cgroup_name name;

			memcpy(copy, cases[i].path, k);
			name = cgroup_name_parse(slice_of(copy, k));
			assert_true(name.unit.n <= k);
			assert_true(name.container.n <= k);
			assert_true(name.pod.n <= k);
			test_free(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_tell_unit_container_and_pod),
		cmocka_unit_test(cut_paths_give_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
