// SPDX-License-Identifier: Apache-2.0
/* Where a journal is, and one that cannot be read, in words. */
#include "cmd/journal_dir.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/exit_codes.h"
#include "base/log.h"
#include "base/places.h"
#include "conf/conf.h"

const char *journal_dir_find(const char *config, char **ret_owned)
{
	struct conf_error error = { 0 };
	struct conf conf = { 0 };
	int r;

	*ret_owned = NULL;
	r = conf_load(config ? config : PLACE_CONFIG, &conf, &error);
	if (r >= 0)
		*ret_owned = strdup(conf.journal.dir);
	else if (error.line)
		log_warning(
			"%s:%u: %s: the journal read is " JOURNAL_DIR_DEFAULT,
			error.file, error.line, error.what);
	else if (config || (r != -ENOENT && r != -EACCES && r != -ENOTDIR))
		log_warning("%s: %s: the journal read is " JOURNAL_DIR_DEFAULT,
			    error.file, error.what);
	conf_done(&conf);
	return *ret_owned ? *ret_owned : JOURNAL_DIR_DEFAULT;
}

int journal_dir_refuse(const char *dir, int error)
{
	cleanup_buf struct buf name = BUF_INIT(8192);

	escape_text(&name, slice_str(dir));
	buf_add_char(&name, '\0');
	switch (-error) {
	case ENOENT:
	case ENOTDIR:
		log_error("there is no journal directory '%s'", name.p);
		return EXIT_CODE_FAILURE;
	case EACCES:
	case EPERM:
		log_error("not allowed to read the journal '%s': root and the "
			  "group 'picket' are",
			  name.p);
		return EXIT_CODE_PRIVILEGE;
	default:
		log_error("cannot read the journal '%s': %s", name.p,
			  strerrordesc_np(-error));
		return EXIT_CODE_FAILURE;
	}
}
