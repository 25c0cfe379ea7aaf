/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The measuring functions; measure.h says what for. */
#include "measure.h"
#include "emit.h"
#include "env_match.h"
#include "moved.h"
#include "read_dentry.h"

/*
 * Before 6.4 a program with functions has all its numbers tracked exactly, so
 * two ways to the same sum are two states. Adding atomically to the stack
 * leaves a number that the verifier knows nothing of, for one instruction.
 */
#define ADD_UNSEEN(sum, n) __sync_fetch_and_add(&(sum), (n))

__noinline __u64 measure_path(__u64 dentry, __u64 mnt)
{
	struct dentry *d = (void *)dentry, *first, *root;
	struct mount *m = real_mount((void *)mnt);
	bool in_prefix = false;
	union walk_part at;
	__u64 packed = 0;
	__u32 i, len;

	first = root = BPF_CORE_READ(m, mnt.mnt_root);
	for (i = 0; i < PATH_STEPS; i++) {
		ADD_UNSEEN(packed, 1ull << PATH_SIZE_STEPS);
		if (d == root && !in_prefix) {
			read_mount(m, &at.m);
			if (at.m.parent != m) {
				d = at.m.mountpoint;
				m = at.m.parent;
				root = BPF_CORE_READ(m, mnt.mnt_root);
				continue;
			}
			in_prefix = true;
			d = first;
		}
		read_dentry(d, &at.d);
		if (at.d.parent == d && in_prefix)
			break;
		len = 1 + (at.d.len & 0xff);
		if (in_prefix)
			ADD_UNSEEN(packed, (__u64)len << PATH_SIZE_PREFIX |
						   (PREFIX_SHARE - 1ull)
							   << PATH_SIZE_STEPS);
		else
			ADD_UNSEEN(packed, len);
		if (at.d.parent == d)
			break;
		d = at.d.parent;
	}
	return packed;
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

/*
 * Where in these eight bytes a zero stands after which an allow-listed string
 * begins: how far behind the first byte that is; 0: nowhere. next: the eight
 * bytes after them.
 */
__noinline __u32 env_after(__u64 word, __u64 next)
{
	__u64 ends = env_ends(word);
	__u32 i;

#pragma unroll
	for (i = 1; i < sizeof(word); i++)
		if ((ends & 0x80ull << (i - 1) * 8) &&
		    env_wanted(word >> i * 8 | next << (64 - i * 8)))
			return i;
	return (ends & 0x80ull << 56) && env_wanted(next) ? sizeof(word) : 0;
}

/*
 * Where an allow-listed string begins in the next piece, from 1; 0: nowhere,
 * ENV_FAULT: it cannot be read. begins: whether one does at its first byte. A
 * function, so that the verifier goes through its branches once.
 */
#define ENV_FAULT ~0u

__noinline __u32 env_in_piece(__u64 at, __u64 end, __u32 begins)
{
	/* One word more than is gone through: a name may begin at the end. */
	__u64 words[ENV_WORDS + 1] = {}, n = end - at;
	__u32 k, after;

	if (n > sizeof(words))
		n = sizeof(words);
	if (bpf_probe_read_user(words, n, (void *)at))
		return ENV_FAULT;
	if (begins && env_wanted(words[0]))
		return 1;
#pragma unroll
	for (k = 0; k < ENV_WORDS; k++) {
		if (!env_ends(words[k]))
			continue;
		after = env_after(words[k], words[k + 1]);
		if (after)
			return 1 + k * sizeof(words[0]) + after;
	}
	return 0;
}

__noinline __u64 next_env(__u64 at, __u64 end)
{
	__u32 i, found;

	for (i = 0; i < ENV_PIECES; i++) {
		if (at >= end)
			return ENV_NONE;
		found = env_in_piece(at, end, !i);
		if (found == ENV_FAULT)
			break;
		if (found)
			return at + found - 1;
		at += ENV_WORDS * sizeof(at);
	}
	return ENV_UNSEEN;
}

__noinline __u32 measure_env(__u64 at, __u64 end)
{
	__u64 bytes = 0;
	__u32 i, len;

	for (i = 0; i < ENV_STRINGS; i++) {
		at = next_env(at, end);
		if (at == ENV_NONE)
			return bytes;
		if (at == ENV_UNSEEN)
			break;
		len = measure_user_str(at) + 1;
		at += len;
		ADD_UNSEEN(bytes, len);
	}
	return bytes | ENV_MORE;
}
