/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership that can be checked by reading one function: an owning local is
 * declared with cleanup_*, and leaves the function only through steal_*.
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_fn(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close_fn(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void cleanup_fclose_fn(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

static inline void cleanup_closedir_fn(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

#define cleanup_free __attribute__((cleanup(cleanup_free_fn)))
#define cleanup_close __attribute__((cleanup(cleanup_close_fn)))
#define cleanup_fclose __attribute__((cleanup(cleanup_fclose_fn)))
#define cleanup_closedir __attribute__((cleanup(cleanup_closedir_fn)))

/* Take the value out, leave nothing behind to clean up. */
#define steal_ptr(p)                                                           \
	({                                                                     \
		__auto_type steal_value_ = (p);                                \
		(p) = NULL;                                                    \
		steal_value_;                                                  \
	})

static inline int steal_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}
