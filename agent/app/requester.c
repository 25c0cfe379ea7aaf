// SPDX-License-Identifier: Apache-2.0
#include "app/requester.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"

void requester_find_exe(struct requester *by)
{
	cleanup_buf struct buf text = BUF_INIT(sizeof(by->exe) - 1);
	char link[32], exe[4096];
	ssize_t n;

	if (by->pid <= 0)
		return;
	(void)snprintf(link, sizeof(link), "/proc/%d/exe", by->pid);
	n = readlink(link, exe, sizeof(exe));
	if (n <= 0)
		return;
	escape_text(&text, slice_of(exe, (size_t)n));
	if (text.failed)
		(void)snprintf(by->exe, sizeof(by->exe), "(too long)");
	else
		memcpy(by->exe, text.p, text.n);
}
