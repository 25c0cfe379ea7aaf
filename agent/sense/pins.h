/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory in bpffs that keeps programs and maps alive without a process:
 *
 *   DIR/holder            map: who reads the ring, as text
 *   DIR/WIRE-BUILD/       one generation: the hash of the record layout, and
 *                         of everything else that the programs are made of
 *     map_NAME, link_NAME, prog_NAME
 *
 * One agent at a time holds DIR, by a lock that dies with it. Inside sense/
 * only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pins;

#define PINS_NAME_MAX 64

/*
 * Make the directory if need be and take it. -EWOULDBLOCK: a living agent has
 * it, `what` says which. Anything else: there can be no pins here, and why.
 */
int pins_open(const char *dir, const char *holder, struct pins **ret,
	      char what[static 256]);
/* Gives up the lock; what is pinned stays. */
void pins_close(struct pins *p);
/* Also take away the holder and the directory, if nothing else is in it. */
void pins_remove(struct pins *p);

/* The next generation from *pos (0) on; false: there are no more. */
bool pins_next(const struct pins *p, size_t *pos, char name[PINS_NAME_MAX]);

/* -EEXIST. */
int pins_make(const struct pins *p, const char *generation);
/* Under a name that nothing is looked for by; the new name goes to `to`. */
int pins_set_aside(const struct pins *p, const char *generation,
		   char to[PINS_NAME_MAX]);

/* -ENAMETOOLONG. */
int pins_path(const struct pins *p, const char *generation, const char *kind,
	      const char *name, char ret[static 512]);
/* Pin what fd is, as KIND_NAME. */
int pins_put(const struct pins *p, const char *generation, const char *kind,
	     const char *name, int fd);
/* A descriptor of it, or -errno. */
int pins_get(const struct pins *p, const char *generation, const char *kind,
	     const char *name);

/* That, in the place of what is there by this name. */
int pins_replace(const struct pins *p, const char *generation,
		 const char *kind, const char *name, int fd);
void pins_take_out(const struct pins *p, const char *generation,
		   const char *kind, const char *name);

/* Differs whenever something was put in there, taken out or renamed. */
struct pins_mark {
	uint64_t ino;
	int64_t changed_s, changed_ns;
};
/* -ENOENT: the generation is gone; -ESTALE: so is DIR, by its name. */
int pins_mark(const struct pins *p, const char *generation,
	      struct pins_mark *ret);

/*
 * A map that is read into memory of this shape, so that what is found in its
 * place, by whomever, cannot write beyond it. entries 0: any.
 */
struct pins_shape {
	uint32_t type; /* enum bpf_map_type */
	uint32_t key_bytes, value_bytes, entries;
};
/* -EBADMSG: it is of another. */
int pins_get_map(const struct pins *p, const char *generation,
		 const char *name, const struct pins_shape *shape);

/* How many there are of a kind. */
size_t pins_count(const struct pins *p, const char *generation,
		  const char *kind);

/*
 * Unpin everything of a kind ("link": nobody else has them, so the programs
 * stop), or with NULL all there is and the directory itself.
 */
int pins_drop(const struct pins *p, const char *generation, const char *kind);
