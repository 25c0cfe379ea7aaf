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
#include "proc/image.h"
#include "proc/proc_table.h"
#include "remove_tree.h"

static char root[] = "/tmp/picket-test-containers-XXXXXX";

#define ID	   "0123456789abcdef"
#define HEX64	   ID ID ID ID
#define DIGEST	   "sha256:" HEX64
#define DOCKER	   "/var/lib/docker/containers/"
#define PODMAN	   "/var/lib/containers/storage/overlay-containers"
#define LOGS	   "/var/log/containers"
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
	    "\"io.kubernetes.cri.container-name\":\"front\","
	    "\"io.kubernetes.cri.sandbox-name\":\"web-1\","
	    "\"io.kubernetes.cri.sandbox-namespace\":\"prod\"},"
	    "\"linux\":{\"x\":[1,-2.5e3,true,null,{}]}}");
	assert_int_equal(container_info_read(root, slice_str(ID), &info), 0);
	assert_slice(info->image, "docker.io/library/nginx:1");
	assert_slice(info->pod, "web-1");
	assert_slice(info->name, "front");
	assert_int_equal(info->digest.n, 0);
	assert_true(info->told);
	assert_slice(info->pod_namespace, "prod");
	container_info_free(info);
	put(CRIO "fedcba/userdata", "config.json",
	    "{\"annotations\":{\"io.kubernetes.pod.name\":\"db\","
	    "\"io.kubernetes.pod.namespace\":\"d\\u0061ta\","
	    "\"io.kubernetes.container.name\":\"pg-0\","
	    "\"io.kubernetes.cri-o.ImageRef\":\"quay.io/pg@" DIGEST "\","
	    "\"io.kubernetes.cri-o.ImageName\":\"pg\"}}");
	assert_int_equal(container_info_read(root, slice_str("fedcba"), &info),
			 0);
	assert_slice(info->pod, "db");
	assert_slice(info->pod_namespace, "data");
	assert_slice(info->image, "pg");
	assert_slice(info->name, "pg-0");
	assert_slice(info->digest, DIGEST);
	container_info_free(info);
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
	container_info_free(info);
}

static struct container_info *read_of(const char *id)
{
	struct container_info *info = NULL;

	assert_int_equal(container_info_read(root, slice_str(id), &info), 0);
	assert_non_null(info);
	return info;
}

static void docker_tells_an_image_and_labels_are_not_believed(void **state)
{
	struct container_info *info;

	(void)state;
	put(DOCKER "dd", "config.v2.json",
	    "{\"State\":{\"Name\":\"x\",\"Image\":\"x\"},\"ID\":\"dd\","
	    "\"Config\":{\"Image\":\"nginx:1.25\",\"Labels\":{"
	    "\"io.kubernetes.pod.name\":\"etcd\",\"Image\":\"y\"}},"
	    "\"Image\":\"" DIGEST "\",\"Name\":\"/web\","
	    "\"annotations\":{\"io.kubernetes.pod.name\":\"etcd\"},"
	    "\"ImageManifest\":{\"digest\":\"" DIGEST "\"}}");
	info = read_of("dd");
	assert_slice(info->image, "nginx:1.25");
	assert_slice(info->name, "web");
	assert_slice(info->digest, DIGEST);
	assert_int_equal(info->pod.n, 0);
	container_info_free(info);
}

static void a_digest_is_one_or_is_not_told(void **state)
{
	static const struct {
		const char *image, *digest;
	} images[] = {
		{ "a/b@" DIGEST, DIGEST },
		{ "a/b:1@" DIGEST, DIGEST },
		{ DIGEST, "" }, /* the image's id */
		{ "@" DIGEST "x", "" },
		{ "a@sha256:0g" HEX64, "" },
		{ "a@sha256:", "" },
		{ "a", "" },
		{ "", "" },
	};
	struct container_info *info;
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(images) / sizeof(*images); i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"Config\":{\"Image\":\"%s\"},"
			       "\"ImageManifest\":{\"digest\":\"sha256:x\"}}",
			       images[i].image);
		put(DOCKER "ee", "config.v2.json", text);
		info = read_of("ee");
		assert_slice(info->image, images[i].image);
		assert_slice(info->digest, images[i].digest);
		container_info_free(info);
	}
}

/* podman writes an image's own annotations beside its own. */
static void podman_tells_by_its_list(void **state)
{
	struct container_info *info;

	(void)state;
	put(CRIO "f1/userdata", "config.json",
	    "{\"annotations\":{\"io.container.manager\":\"libpod\","
	    "\"io.kubernetes.cri-o.ImageName\":\"trusted\","
	    "\"io.kubernetes.pod.namespace\":\"kube-system\","
	    "\"io.kubernetes.pod.name\":\"etcd\"}}");
	put(PODMAN, "containers.json",
	    "[{\"id\":\"f0\",\"names\":[\"a\"],\"metadata\":"
	    "\"{\\\"image-name\\\":\\\"wrong\\\"}\"},"
	    "{\"id\":\"f1\",\"names\":[\"b\"],\"image\":\"00\",\"flags\":"
	    "{\"id\":\"f0\"},\"metadata\":\"{\\\"image-name\\\":"
	    "\\\"localhost/tool:2\\\",\\\"name\\\":\\\"tool\\\"}\"},"
	    "{\"id\":\"f2\",\"metadata\":\"{\\\"image-name\\\":\"}]");
	put(PODMAN, "volatile-containers.json",
	    "[{\"id\":\"f3\",\"metadata\":"
	    "\"{\\\"image-name\\\":\\\"run-rm\\\"}\"}]");
	info = read_of("f1");
	assert_slice(info->image, "localhost/tool:2");
	assert_slice(info->name, "tool");
	assert_int_equal(info->pod.n + info->pod_namespace.n, 0);
	container_info_free(info);
	info = read_of("f3");
	assert_slice(info->image, "run-rm");
	container_info_free(info);
	assert_int_equal(container_info_read(root, slice_str("f2"), &info),
			 -EBADMSG);
	assert_int_equal(container_info_read(root, slice_str("f4"), &info),
			 -ENOENT);
}

static void the_kubelet_names_what_the_runtime_does_not(void **state)
{
	struct container_info *info;

	(void)state;
	put(LOGS, "web_prod_front-" HEX64 ".log", "");
	info = read_of(HEX64);
	assert_slice(info->pod, "web");
	assert_slice(info->pod_namespace, "prod");
	assert_slice(info->name, "front");
	assert_false(info->told);
	container_info_free(info);
	/* Its word goes before the kubelet's link, which more may make. */
	put(CONTAINERD HEX64, "config.json",
	    "{\"annotations\":{\"io.kubernetes.cri.sandbox-name\":\"api\"}}");
	info = read_of(HEX64);
	assert_slice(info->pod, "api");
	assert_int_equal(info->pod_namespace.n, 0);
	container_info_free(info);
	put(CONTAINERD HEX64, "config.json",
	    "{\"annotations\":{\"io.kubernetes.cri.image-name\":\"i\"");
	info = read_of(HEX64);
	assert_slice(info->pod, "web");
	assert_int_equal(info->image.n, 0);
	container_info_free(info);
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
	assert_true(n->next_try_ns > 0);
	n->next_try_ns = 0;
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

/* A kubelet links the log after the container has begun. */
static void an_image_is_named_late_and_stays_named(void **state)
{
	static const char path[] =
		"/kubepods.slice/kubepods-pod01234567_89ab_cdef_0123_"
		"456789abcdef.slice/docker-" HEX64 ".scope";
	const struct cgroup_info info = { .id = 7, .path = slice_str(path) };
	const struct image from = { .cgroup_id = 7 };
	struct image_heap *heap = NULL;
	struct cgroups *c = NULL;
	struct cgroup_node *n;
	struct image *img;
	char gone[512];
	uint64_t id;

	(void)state;
	assert_int_equal(image_heap_new(1u << 20, &heap), 0);
	assert_int_equal(cgroups_new(root, 64, 1u << 20, &c), 0);
	assert_int_equal(cgroups_add(c, &info), 0);
	n = cgroups_find(c, 0, 7);
	put("/1/root" DOCKER HEX64, "config.v2.json",
	    "{\"Config\":{\"Image\":\"app:1\"}}");
	cgroups_describe(c, n);
	img = image_new(heap, &from);
	image_set_cgroups(img, n, NULL);
	img->described_in = 3;
	id = img->id;
	assert_slice(img->container_image, "app:1");
	assert_slice(img->pod_uid, "01234567-89ab-cdef-0123-456789abcdef");
	assert_false(img->container_known);
	put("/1/root" LOGS, "web_prod_app-" HEX64 ".log", "");
	n->next_try_ns = UINT64_MAX;
	assert_false(image_name_late(img, c));
	assert_int_equal(img->id, id);
	n->next_try_ns = 0;
	assert_true(image_name_late(img, c));
	assert_true(img->id != id);
	assert_int_equal(img->described_in, 0);
	assert_true(img->container_known);
	assert_slice(img->container_image, "app:1");
	assert_slice(img->pod, "web");
	assert_slice(img->pod_namespace, "prod");
	assert_slice(img->container_name, "app");
	/* The pod is gone: what was found stays. */
	(void)snprintf(gone, sizeof(gone),
		       "%s/1/root" LOGS "/web_prod_app-" HEX64 ".log", root);
	assert_int_equal(unlink(gone), 0);
	n->next_try_ns = 0;
	assert_false(image_name_late(img, c));
	assert_slice(img->pod, "web");
	image_unref(img);
	cgroups_free(c);
	image_heap_put(heap);
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
	/* It is time that counts, not events. */
	assert_true(n->tries < 10);
	for (i = 0; i < 100; i++) {
		n->next_try_ns = 0;
		cgroups_describe(c, n);
	}
	assert_true(n->tries < 20);
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
	(void)state;
	return remove_tree(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kubelets_runtimes_tell_pod_and_image),
		cmocka_unit_test(what_is_elsewhere_in_the_file_is_not_believed),
		cmocka_unit_test(
			docker_tells_an_image_and_labels_are_not_believed),
		cmocka_unit_test(a_digest_is_one_or_is_not_told),
		cmocka_unit_test(podman_tells_by_its_list),
		cmocka_unit_test(the_kubelet_names_what_the_runtime_does_not),
		cmocka_unit_test(what_is_no_id_names_no_file),
		cmocka_unit_test(
			a_cgroup_is_described_once_its_runtime_has_written),
		cmocka_unit_test(an_image_is_named_late_and_stays_named),
		cmocka_unit_test(nobody_is_asked_for_ever),
		cmocka_unit_test(each_string_member_is_told_with_its_object),
		cmocka_unit_test(what_is_not_json_is_refused),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
