/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel calls a file that a package's list calls something else:
 * directories on the way may be symlinks (/bin is /usr/bin on merged systems).
 * Remembers every directory it has looked at.
 */
#pragma once

#include "base/slice.h"

struct trust_dirs;

/* root_fd (borrowed): where "/" of the names is. */
int trust_dirs_new(int root_fd, struct trust_dirs **ret);
void trust_dirs_free(struct trust_dirs *d);

/*
 * The file's true name; good until the next call. A directory that is not
 * there, or whose links go round in circles, is taken as it is written.
 * -EINVAL: not absolute, or too long; -ENOMEM.
 */
int trust_dirs_file(struct trust_dirs *d, struct slice path,
		    struct slice *ret);
