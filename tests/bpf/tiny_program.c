/* SPDX-License-Identifier: Apache-2.0 */
#include "tiny_program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
/* mov $60, %eax; xor %edi, %edi; syscall */
static const uint8_t code[] = { 0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05 };
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
/* mov x8, #93; mov x0, #0; svc #0 */
static const uint32_t code[] = { 0xd2800ba8, 0xd2800000, 0xd4000001 };
#endif

#define BASE 0x400000

size_t tiny_program(char out[static TINY_PROGRAM_MAX])
{
	const size_t head = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
	const Elf64_Ehdr elf = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = MACHINE,
		.e_version = EV_CURRENT,
		.e_entry = BASE + head,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
	};
	const Elf64_Phdr segment = {
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_vaddr = BASE,
		.p_paddr = BASE,
		.p_filesz = head + sizeof(code),
		.p_memsz = head + sizeof(code),
		.p_align = 0x10000,
	};

	memcpy(out, &elf, sizeof(elf));
	memcpy(out + sizeof(elf), &segment, sizeof(segment));
	memcpy(out + head, code, sizeof(code));
	return head + sizeof(code);
}

int tiny_program_at(const char *path)
{
	char bytes[TINY_PROGRAM_MAX];
	size_t n = tiny_program(bytes);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, bytes, n) != (ssize_t)n)
		r = -EIO;
	(void)close(fd);
	return r;
}
