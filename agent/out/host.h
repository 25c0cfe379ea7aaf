/* SPDX-License-Identifier: Apache-2.0 */
/* What is stable of the host that records come from. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct host {
	char name[65];
	bool has_id;
	uint8_t id[32]; /* SHA-256 of "picket" and the machine id */
	bool has_boot_id;
	uint8_t boot_id[16];
	char os[128]; /* Debian GNU/Linux 12 (bookworm) */
	char kernel[65];
	char arch[65]; /* amd64, arm64, else as uname says */
};

/*
 * What the host says of itself now; root stands before /etc and /proc ("" as
 * a rule). What is not there stays empty: a host without a machine id is no
 * error. All text is valid UTF-8.
 */
void host_read(const char *root, struct host *ret);
