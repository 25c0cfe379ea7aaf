/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The measuring functions; measure.h says what for. */
#include "measure.h"
#include "emit.h"
#include "env_match.h"
#include "moved.h"

__noinline __u64 measure_path(__u64 dentry, __u64 mnt)
{
	struct dentry *d = (void *)dentry, *parent, *first, *root;
	struct mount *m = real_mount((void *)mnt), *up;
	__u32 path = 0, prefix = 0, prefix_steps = 0, i;
	bool in_prefix = false;

	first = root = BPF_CORE_READ(m, mnt.mnt_root);
	for (i = 0; i < PATH_STEPS; i++) {
		if (d == root && !in_prefix) {
			up = BPF_CORE_READ(m, mnt_parent);
			if (up != m) {
				d = BPF_CORE_READ(m, mnt_mountpoint);
				m = up;
				root = BPF_CORE_READ(m, mnt.mnt_root);
				continue;
			}
			in_prefix = true;
			d = first;
		}
		parent = BPF_CORE_READ(d, d_parent);
		if (parent == d && in_prefix)
			break;
		if (in_prefix) {
			prefix += 1 + (BPF_CORE_READ(d, d_name.len) & 0xff);
			prefix_steps++;
		} else {
			path += 1 + (BPF_CORE_READ(d, d_name.len) & 0xff);
		}
		if (parent == d)
			break;
		d = parent;
	}
	/* No branch on what was added up: each sum would be a path of its own. */
	i += (PREFIX_SHARE - 1) * prefix_steps;
	return path | (__u64)prefix << 20 | (__u64)i << 40;
}

__noinline __u32 measure_kernel_str(__u64 at)
{
	char piece[128];
	__u32 n = 0, i;
	long r;

	for (i = 0; i < WIRE_NAME_MAX / (sizeof(piece) - 1) + 1; i++) {
		r = bpf_probe_read_kernel_str(piece, sizeof(piece),
					      (void *)at + n);
		if (r <= 0)
			break;
		n += r - 1;
		if (r < (long)sizeof(piece))
			break;
	}
	return n < WIRE_NAME_MAX ? n : WIRE_NAME_MAX;
}

__noinline __u32 measure_user_str(__u64 at)
{
	char piece[128];
	__u32 n = 0, i;
	long r;

	for (i = 0; i < WIRE_NAME_MAX / (sizeof(piece) - 1) + 1; i++) {
		r = bpf_probe_read_user_str(piece, sizeof(piece),
					    (void *)at + n);
		if (r <= 0)
			break;
		n += r - 1;
		if (r < (long)sizeof(piece))
			break;
	}
	return n < WIRE_NAME_MAX ? n : WIRE_NAME_MAX;
}

/* One piece of an environment, with its first bytes as a number. */
union env_piece {
	__u64 head;
	char bytes[PIECE];
};

__noinline __u64 next_env(__u64 at, __u64 end)
{
	union env_piece piece;
	bool begins = true;
	__u32 i;
	long r;

	for (i = 0; i < ENV_PIECES; i++) {
		if (at >= end)
			return ENV_NONE;
		piece.head = 0;
		r = bpf_probe_read_user_str(&piece, sizeof(piece), (void *)at);
		if (r <= 0)
			break;
		if (begins && env_wanted(piece.head))
			return at;
		begins = r < PIECE;
		at += r - (r == PIECE);
	}
	return ENV_UNSEEN;
}
