/* SPDX-License-Identifier: Apache-2.0 */
/* The account as a map: made, and seen as memory. */
#include <errno.h>

#include "sense/account.h"
#include "sense/memory.h"

int account_make(unsigned cpus)
{
	return memory_make("picket_account", account_bytes(cpus));
}

int account_map(int fd, unsigned cpus, struct account **ret)
{
	struct memory m;
	int r = memory_map(fd, &m);

	if (r < 0)
		return r;
	if (m.size != account_bytes(cpus)) {
		memory_unmap(&m);
		return -EBADMSG;
	}
	*ret = m.p;
	return 0;
}

void account_unmap(struct account *a, unsigned cpus)
{
	struct memory m = { a, account_bytes(cpus) };

	memory_unmap(&m);
}
