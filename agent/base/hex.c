/* SPDX-License-Identifier: Apache-2.0 */
/* One spelling of each byte, so that what is read back is what was written. */
#include "base/hex.h"

#include <errno.h>

static void put(uint8_t byte, char *to)
{
	static const char digits[] = "0123456789abcdef";

	to[0] = digits[byte >> 4];
	to[1] = digits[byte & 15];
}

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Not upper case: that is not how we write it. */
static int digit(char c)
{
	return c >= 'A' && c <= 'F' ? -1 : hex_digit(c);
}

const char *hex_print(const uint8_t *p, size_t n, char *buf)
{
	for (size_t i = 0; i < n; i++)
		put(p[i], buf + 2 * i);
	buf[2 * n] = '\0';
	return buf;
}

void hex_add(struct buf *out, const uint8_t *p, size_t n)
{
	char *to = buf_extend(out, 2 * n);

	for (size_t i = 0; to && i < n; i++)
		put(p[i], to + 2 * i);
}

int hex_parse(struct slice text, uint8_t *ret, size_t n)
{
	size_t i;

	if (text.n != 2 * n)
		return -EINVAL;
	for (i = 0; i < text.n; i++) {
		if (digit(text.p[i]) < 0)
			return -EINVAL;
	}
	for (i = 0; i < n; i++)
		ret[i] = (uint8_t)(digit(text.p[2 * i]) << 4 |
				   digit(text.p[2 * i + 1]));
	return 0;
}
