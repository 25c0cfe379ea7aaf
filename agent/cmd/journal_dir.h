/* SPDX-License-Identifier: Apache-2.0 */
/* Which journal a command reads, and what it says where it cannot. */
#pragma once

#define JOURNAL_DIR_DEFAULT "/var/lib/picket/journal"

/* The help of --journal, the same everywhere. */
#define JOURNAL_DIR_HELP \
	"the journal's directory; without it\n[journal] dir of the configuration"

/*
 * The one that [journal] dir of `config` names; NULL: of the configuration that
 * was installed. *ret_owned is the caller's to free, set or not. Where the file
 * is not there or not for us to read it is the default: whoever may read a
 * journal need not be allowed to read the configuration. A wrong one is told as
 * a warning. Never NULL.
 */
const char *journal_dir_find(const char *config, char **ret_owned);

/* One line on stderr that says what to do about it; returns the exit code. */
int journal_dir_refuse(const char *dir, int error);
