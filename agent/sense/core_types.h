/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's types as far as programs name them. Inside sense/ only.
 *
 * For each type that an object's programs read libbpf goes through the names of
 * all of the kernel's types, and so again for the next object: 126 000 names a
 * time on 6.18, together a quarter of the time that a start took once it was
 * rid of the kernel's own searches (bpf/current.h). Among those few that can be
 * meant it finds the same.
 */
#pragma once

struct btf;

/*
 * A memfd with the types, as BTF. What is named in `programs`, and what lies
 * within that; of a pointer only that it is one, because that is where a
 * relocation ends. -errno: not made.
 */
int core_types_make(const struct btf *kernel, const struct btf *programs);
