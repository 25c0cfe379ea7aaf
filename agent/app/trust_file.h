/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that keeps the database of packages between two runs ([trust] db; an
 * empty name: none). It is written without a name and gets it when it is whole.
 * Descriptors are the caller's to close.
 */
#pragma once

/*
 * A file to write a database to, without a name; in memory where the directory
 * cannot have one. -1: neither, with errno.
 */
int trust_file_new(const char *db);
/* Give it its name. A failure only means that the next start makes it anew. */
void trust_file_save(int made_fd, const char *db);
/*
 * The file that an earlier run left; -1: there is none, or others than root can
 * write to it, so that it cannot be believed.
 */
int trust_file_old(const char *db);
