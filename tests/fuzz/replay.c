/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A main for a fuzz target: every file of its committed corpus once, and the
 * empty input, as one TAP test. The name is printed before the input is fed,
 * so the last line of a run that dies names the culprit.
 *
 * Each input sits in an allocation of exactly its size: with SAN=1 a read of
 * one byte too many is seen.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"

#define INPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed(int dirfd, const char *name)
{
	cleanup_free char *text = NULL;
	cleanup_free uint8_t *exact = NULL;
	size_t n;
	int r;

	(void)printf("# %s\n", name);
	(void)fflush(stdout);
	r = fs_read_file(dirfd, name, INPUT_MAX, &text, &n);
	if (r < 0)
		return r;
	exact = malloc(n ? n : 1);
	if (!exact)
		return -ENOMEM;
	memcpy(exact, text, n);
	return LLVMFuzzerTestOneInput(exact, n) == 0 ? 0 : -EINVAL;
}

int main(void)
{
	static const char corpus[] = "tests/fuzz/corpus/" FUZZ_NAME;
	cleanup_closedir DIR *dir = NULL;
	const struct dirent *entry;
	unsigned inputs = 0;
	int r = 0;

	(void)printf("1..1\n");
	dir = opendir(corpus);
	if (!dir) {
		(void)printf("# %s: %s\nnot ok 1 - corpus\n", corpus,
			     strerror(errno));
		return 1;
	}
	(void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		r = feed(dirfd(dir), entry->d_name);
		inputs++;
	}
	if (r < 0 || !inputs) {
		(void)printf("not ok 1 - corpus\n");
		return 1;
	}
	(void)printf("# %u inputs\nok 1 - corpus\n", inputs);
	return 0;
}
