/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A system call whose number has a bit above the 31 that the kernel goes by.
 * -ENOSYS where it takes such a number for another one (before 5.13), or where
 * registers have no such bits.
 */
#pragma once

#include <errno.h>

static inline long wide_call(long number, long one, long two, long three)
{
#ifdef __x86_64__
	register long four __asm__("r10") = 0;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "0"(number | 1L << 32), "D"(one), "S"(two),
			   "d"(three), "r"(four)
			 : "rcx", "r11", "memory");
	return r;
#else
	(void)number, (void)one, (void)two, (void)three;
	return -ENOSYS;
#endif
}
