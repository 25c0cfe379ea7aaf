/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system served through /dev/fuse by the kernel's own protocol: a file to
 * write to, a program, and a file for each number that is asked for.
 */
#pragma once

#define FUSE_FILE	 "file"
#define FUSE_FILE_INO	 20
#define FUSE_PROGRAM	 "program"
#define FUSE_PROGRAM_INO 30
#define FUSE_NUMBER_INO	 1000 /* that of "0" */

/* Mount it at this directory: the descriptor to serve it by; -1: not here. */
int fuse_mount(const char *at);

/*
 * Answer until the file system is gone; 0. fd: that of the mount. gate: a pipe, of
 * which each read of the program takes a byte before it is answered; -1: none. Who
 * removes a name or an extended attribute, or changes another, comes by it too: then it is a
 * socket, and is given a byte before one is taken.
 */
int fuse_serve(int fd, int gate);
