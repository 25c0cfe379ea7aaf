// SPDX-License-Identifier: Apache-2.0
/* A journal that cannot be read, in words. */
#include "cmd/journal_dir.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/exit_codes.h"
#include "base/log.h"

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
