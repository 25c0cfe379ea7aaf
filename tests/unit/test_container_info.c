/* SPDX-License-Identifier: Apache-2.0 */
/* What runtimes say of containers, from files that are somebody else's. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/json_members.h"
#include "proc/cgroups.h"
#include "proc/container_info.h"

static char root[] = "/tmp/picket-test-containers-XXXXXX";

#define ID	   "0123456789abcdef"
#define CONTAINERD "/run/containerd/io.containerd.runtime.v2.task/k8s.io/"
#define CRIO	   "/run/containers/storage/overlay-containers/"

static void put(const char *dir, const char *name, const char *text)
{
	char path[512];
	int fd;

	(void)snprintf(path, sizeof(path), "%s%s", root, dir);
	assert_int_equal(fs_mkdir_all(path, 0755), 0);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fs_publish(fd, name, text, strlen(text), 0644), 0);
	(void)close(fd);
}

#define assert_slice(s, want)                                \
	do {                                                 \
		assert_int_equal((s).n, strlen(want));       \
		assert_memory_equal((s).p, want, (s).n + 0); \
	} while (0)

static void the_kubelets_runtimes_tell_pod_and_image(void **state)
{
	struct container_info *info = NULL;

	(void)state;
	put(CONTAINERD ID, "config.json",
	    "{\"ociVersion\":\"1.1.0\",\"process\":{\"env\":[\"A=b\"],"
	    "\"annotations\":7},\"annotations\":{"
	    "\"io.kubernetes.cri.image-name\":\"docker.io/library/nginx:1\","
	    "\"io.kubernetes.cri.sandbox-name\":\"web-1\","
	    "\"io.kubernetes.cri.sandbox-namespace\":\"prod\"},"
	    "\"linux\":{\"x\":[1,-2.5e3,true,null,{}]}}");
	assert_int_equal(container_info_read(root, slice_str(ID), &info), 0);
	assert_slice(info->image, "docker.io/library/nginx:1");
	assert_slice(info->pod, "web-1");
	assert_slice(info->pod_namespace, "prod");
	free(info);
	put(CRIO "fedcba/userdata", "config.json",
	    "{\"annotations\":{\"io.kubernetes.pod.name\":\"db\","
	    "\"io.kubernetes.pod.namespace\":\"d\\u0061ta\","
	    "\"io.kubernetes.cri-o.ImageName\":\"pg\"}}");
	assert_int_equal(container_info_read(root, slice_str("fedcba"), &info),
			 0);
	assert_slice(info->pod, "db");
	assert_slice(info->pod_namespace, "data");
	assert_slice(info->image, "pg");
	free(info);
}

static void what_is_elsewhere_in_the_file_is_not_believed(void **state)
{
	struct container_info *info = NULL;

	(void)state;
	put(CONTAINERD "aa", "config.json",
	    "{\"io.kubernetes.cri.image-name\":\"x\",\"labels\":"
	    "{\"io.kubernetes.cri.sandbox-name\":\"y\"}}");
	assert_int_equal(container_info_read(root, slice_str("aa"), &info), 0);
	assert_int_equal(info->image.n + info->pod.n, 0);
	free(info);
}

static void what_is_no_id_names_no_file(void **state)
{
	static const char *const bad[] = {
		"", ".", "..", "a/b", "../aa", "a b", "nothing-there"
	};
	struct container_info *info = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(
			container_info_read(root, slice_str(bad[i]), &info),
			-ENOENT);
	put(CONTAINERD "bb", "config.json", "{\"annotations\":{");
	assert_int_equal(container_info_read(root, slice_str("bb"), &info),
			 -EBADMSG);
	assert_null(info);
}

/* procfs/1/root is the host's root. */
static void a_cgroup_is_described_once_its_runtime_has_written(void **state)
{
	static const char path[] =
		"/kubepods.slice/kubepods-podab.slice/cri-containerd-"
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddee"
		"ff.scope";
	const struct cgroup_info info = { .id = 5, .path = slice_str(path) };
	struct cgroups *c = NULL;
	struct cgroup_node *n;

	(void)state;
	assert_int_equal(cgroups_new(root, 64, 1u << 20, &c), 0);
	assert_int_equal(cgroups_add(c, &info), 0);
	n = cgroups_find(c, 0, 5);
	assert_non_null(n);
	cgroups_describe(c, n);
	assert_null(n->info);
	put("/1/root" CONTAINERD "00112233445566778899aabbccddeeff"
	    "00112233445566778899aabbccddeeff",
	    "config.json",
	    "{\"annotations\":{\"io.kubernetes.cri.sandbox-name\":\"p\"}}");
	cgroups_describe(c, n);
	assert_non_null(n->info);
	assert_slice(n->info->pod, "p");
	cgroups_describe(c, n);
	cgroups_describe(c, NULL);
	cgroups_free(c);
}

static void nobody_is_asked_for_ever(void **state)
{
	const struct cgroup_info info = {
		.id = 6,
		.path = slice_str("/docker/"
				  "ff112233445566778899aabbccddeeff"
				  "00112233445566778899aabbccddeeff"),
	};
	struct cgroups *c = NULL;
	struct cgroup_node *n;
	int i;

	(void)state;
	assert_int_equal(cgroups_new(root, 64, 1u << 20, &c), 0);
	assert_int_equal(cgroups_add(c, &info), 0);
	n = cgroups_find(c, 0, 6);
	for (i = 0; i < 100; i++)
		cgroups_describe(c, n);
	assert_true(n->tries < 10);
	cgroups_free(c);
}

/* ---- JSON ---------------------------------------------------------------- */

static char seen[512];

static int note(void *arg, struct slice parent, struct slice key,
		struct slice value)
{
	size_t n = strlen(seen);

	(void)arg;
	(void)snprintf(seen + n, sizeof(seen) - n, "%.*s.%.*s=%.*s;",
		       (int)parent.n, parent.p, (int)key.n, key.p, (int)value.n,
		       value.p);
	return key.n == 4 && !memcmp(key.p, "stop", 4) ? -ECANCELED : 0;
}

static int members(const char *json)
{
	char *text = strdup(json);
	int r;

	assert_non_null(text);
	seen[0] = '\0';
	r = json_members(text, strlen(text), note, NULL);
	free(text);
	return r;
}

static void each_string_member_is_told_with_its_object(void **state)
{
	(void)state;
	assert_int_equal(members(" { \"a\" : \"b\" , \"c\":{\"d\":\"e\","
				 "\"f\":[{\"g\":\"h\"},\"i\"]},\"j\":1 } "),
			 0);
	assert_string_equal(seen, ".a=b;c.d=e;.g=h;");
	assert_int_equal(
		members("{\"a\":\"\\\"\\\\\\/\\u00e9\\ud83d\\ude00\"}"), 0);
	assert_string_equal(seen, ".a=\"\\/\xc3\xa9\xf0\x9f\x98\x80;");
	assert_int_equal(members("{\"stop\":\"x\",\"y\":\"z\"}"), -ECANCELED);
	assert_int_equal(members("[]"), 0);
}

static void what_is_not_json_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":\"b",
		"{\"a\":\"b\"",
		"{a:1}",
		"[1,]",
		"{\"a\":\"\\x\"}",
		"{\"a\":\"\\u12\"}",
		"{\"a\":\"\\ud800x\"}",
		"{\"a\":\"\\udc00\"}",
		"{} x",
		"{\"a\":\"\n\"}",
		"\x01",
	};
	char deep[200];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(members(bad[i]), -EBADMSG);
	memset(deep, '[', 100);
	memset(deep + 100, ']', 99);
	deep[199] = '\0';
	assert_int_equal(members(deep), -EBADMSG);
}

static int make_root(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf -- '%s'", root);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kubelets_runtimes_tell_pod_and_image),
		cmocka_unit_test(what_is_elsewhere_in_the_file_is_not_believed),
		cmocka_unit_test(what_is_no_id_names_no_file),
		cmocka_unit_test(
			a_cgroup_is_described_once_its_runtime_has_written),
		cmocka_unit_test(nobody_is_asked_for_ever),
		cmocka_unit_test(each_string_member_is_told_with_its_object),
		cmocka_unit_test(what_is_not_json_is_refused),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
