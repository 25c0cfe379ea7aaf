/* SPDX-License-Identifier: Apache-2.0 */
/* The kubelet's names under /var/log/containers, as made and as made up. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "proc/kubelet_name.h"
#include "remove_tree.h"

#define ID16  "00112233445566aa"
#define ID    ID16 ID16 ID16 ID16
#define OTHER ID16 ID16 ID16 "00112233445566ab"
#define X10   "xxxxxxxxxx"
#define X60   X10 X10 X10 X10 X10 X10
#define X64   X60 "xxxx"

static char root[] = "/tmp/picket-test-kubelet-XXXXXX";

#define assert_slice(s, want)                                \
	do {                                                 \
		assert_int_equal((s).n, strlen(want));       \
		assert_memory_equal((s).p, want, (s).n + 0); \
	} while (0)

static void names_as_kubelets_make_them(void **state)
{
	static const struct {
		const char *file, *pod, *ns, *container;
	} forms[] = {
		{ "web-5d4f8c7b9-x2x4z_prod_nginx-" ID ".log",
		  "web-5d4f8c7b9-x2x4z", "prod", "nginx" },
		{ "etcd-node.example.org_kube-system_etcd-" ID ".log",
		  "etcd-node.example.org", "kube-system", "etcd" },
		{ "a_b_c-" ID ".log", "a", "b", "c" },
		{ "db-0_data_init-0-" ID ".log", "db-0", "data", "init-0" },
		/* 186 bytes: the kubelet may have cut the last name. */
		{ X60 X60 "_" X60 "_abcd-" ID ".log", X60 X60, X60, "" },
	};
	struct kubelet_name name;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		assert_int_equal(kubelet_name_parse(slice_str(forms[i].file),
						    slice_str(ID), &name),
				 0);
		assert_slice(name.pod, forms[i].pod);
		assert_slice(name.pod_namespace, forms[i].ns);
		assert_slice(name.container, forms[i].container);
	}
}

static void what_no_kubelet_makes_is_refused(void **state)
{
	static const char *const bad[] = {
		"_b_c-" ID ".log",
		"a__c-" ID ".log",
		"a_b_-" ID ".log",
		"a_b-" ID ".log",
		"a-" ID ".log",
		"a_b_c_d-" ID ".log",
		"A_b_c-" ID ".log",
		"a\n_b_c-" ID ".log",
		"a_b\x1b[31m_c-" ID ".log",
		"a_b.c_d-" ID ".log",
		"a_b_c.d-" ID ".log",
		"-a_b_c-" ID ".log",
		"a_b-_c-" ID ".log",
		"a..b_c_d-" ID ".log",
		".._b_c-" ID ".log",
		"a_" X64 "_c-" ID ".log",
		"a_b_" X64 "-" ID ".log",
		"\xff_b_c-" ID ".log",
		X60 X60 X60 X60 X10 X10 "_b_c-" ID ".log",
		/* Cut within the namespace, which is then another's name. */
		X60 X60 "xxx_" X60 "xx-" ID ".log",
	};
	static const char *const others[] = {
		"",
		"a",
		".log",
		"-" ID ".log",
		ID ".log",
		"a_b_c-" ID,
		"a_b_c-" ID ".log.gz",
		"a_b_c_" ID ".log",
		"a_b_c-" OTHER ".log",
	};
	struct kubelet_name name;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (kubelet_name_parse(slice_str(bad[i]), slice_str(ID),
				       &name) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
	for (i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (kubelet_name_parse(slice_str(others[i]), slice_str(ID),
				       &name) != -ENOENT)
			fail_msg("taken: %s", others[i]);
}

/* ---- the directory ------------------------------------------------------- */

static void path_of(char path[512], const char *name)
{
	(void)snprintf(path, 512, "%s/var/log/containers%s%s", root,
		       *name ? "/" : "", name);
}

static void put(const char *name)
{
	char path[512];

	path_of(path, name);
	assert_int_equal(symlink("/var/log/pods/nowhere", path), 0);
}

static int find(struct kubelet_name *ret)
{
	return kubelet_name_find(root, slice_str(ID), ret);
}

static void a_link_is_found_wherever_it_leads(void **state)
{
	struct kubelet_name name;

	(void)state;
	put("a_b_c-" OTHER ".log");
	assert_int_equal(find(&name), -ENOENT);
	put("web_prod_nginx-" ID ".log");
	assert_int_equal(find(&name), 0);
	assert_slice(name.pod, "web");
	assert_slice(name.pod_namespace, "prod");
	assert_slice(name.container, "nginx");
	assert_int_equal(kubelet_name_find(root, slice_str("abc"), &name),
			 -ENOENT);
}

static void two_names_are_none(void **state)
{
	struct kubelet_name name;

	(void)state;
	put("web_prod_nginx-" ID ".log");
	put("web_kube-system_nginx-" ID ".log");
	assert_int_equal(find(&name), -EBADMSG);
}

static void what_is_no_directory_is_not_read(void **state)
{
	struct kubelet_name name;
	char path[512], link[512];

	(void)state;
	path_of(path, "");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(find(&name), -ENOENT);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(find(&name), -ENOTDIR);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(link, sizeof(link), "%s/elsewhere", root);
	assert_int_equal(mkdir(link, 0755), 0);
	assert_int_equal(symlink(link, path), 0);
	assert_true(find(&name) < 0);
}

static void more_names_than_a_node_has_are_not_read(void **state)
{
	struct kubelet_name name;
	char file[128];
	int i;

	(void)state;
	for (i = 0; i < 4200; i++) {
		(void)snprintf(file, sizeof(file), "p%d_n_c-%s.log", i, OTHER);
		put(file);
	}
	assert_int_equal(find(&name), -EMFILE);
}

static int make_root(void **state)
{
	char path[512];

	(void)state;
	(void)strcpy(root + strlen(root) - 6, "XXXXXX");
	if (!mkdtemp(root))
		return -1;
	path_of(path, "");
	return fs_mkdir_all(path, 0755);
}

static int remove_root(void **state)
{
	(void)state;
	return remove_tree(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_as_kubelets_make_them),
		cmocka_unit_test(what_no_kubelet_makes_is_refused),
		cmocka_unit_test_setup_teardown(
			a_link_is_found_wherever_it_leads, make_root,
			remove_root),
		cmocka_unit_test_setup_teardown(two_names_are_none, make_root,
						remove_root),
		cmocka_unit_test_setup_teardown(
			what_is_no_directory_is_not_read, make_root,
			remove_root),
		cmocka_unit_test_setup_teardown(
			more_names_than_a_node_has_are_not_read, make_root,
			remove_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
