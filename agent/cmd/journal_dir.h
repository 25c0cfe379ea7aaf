/* SPDX-License-Identifier: Apache-2.0 */
/* What every command that reads a journal says of its directory. */
#pragma once

#define JOURNAL_DIR_DEFAULT "/var/lib/picket/journal"

/* The help of --journal, the same everywhere. */
#define JOURNAL_DIR_HELP \
	"the journal's directory; without it\n" JOURNAL_DIR_DEFAULT

/* One line on stderr that says what to do about it; returns the exit code. */
int journal_dir_refuse(const char *dir, int error);
