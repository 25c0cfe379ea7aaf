// SPDX-License-Identifier: Apache-2.0
/*
 * The shortest program there is: lives some microseconds, maps one page, so
 * that ten thousand of them cost little and /proc never catches one. No C
 * library: nothing of it runs before or after. Exits with its number of
 * arguments, so that a test sees that these arrived.
 */
#include <asm/unistd.h>

static void leave(long code) __attribute__((noreturn));

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\tmov (%rsp), %rdi\n\tcall begin\n");

static void leave(long code)
{
	__asm__ volatile("syscall"
			 :
			 : "a"(__NR_exit_group), "D"(code)
			 : "rcx", "r11", "memory");
	__builtin_unreachable();
}
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tldr x0, [sp]\n\tbl begin\n");

static void leave(long code)
{
	register long x8 __asm__("x8") = __NR_exit_group;
	register long x0 __asm__("x0") = code;

	__asm__ volatile("svc 0" : : "r"(x8), "r"(x0) : "memory");
	__builtin_unreachable();
}
#else
#error "no system call convention for this architecture"
#endif

void begin(long argc) __attribute__((noreturn, used));

void begin(long argc)
{
	leave(argc & 0xff);
}
