/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of sockets share: places to reach, and ways to ask. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "harness.h"

/* What the hooks are called in the coverage table. */
#define V4   "connect, IPv4"
#define V6   "connect, IPv6"
#define SEND "datagrams, IPv4"

struct place {
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
		struct sockaddr_un local;
		struct sockaddr_storage storage;
	};
	socklen_t len;
	int type;
};

/* As seen_setup, with unix sockets. */
int net_setup(void **state);
/* The same with connections and execs alone; the other families are off. */
int net_setup_alone(void **state);

/* A socket of the test's own on loopback, streams listening; *p: where. */
int net_serve(int family, int type, struct place *p);
/* The same, and closed again: nobody is there. */
void net_desert(int family, int type, struct place *p);
uint16_t net_port(const struct place *p);

/* Memory that the child's writes to are seen in. Zeroed; never given back. */
void *net_shared(size_t bytes);

/*
 * Fail unless the coverage table says that this hook is served, by the
 * backend that spoke, and that is the one that was asked for, if one was.
 * WIRE_FAM_COUNT for a hook that cannot be asked for another.
 */
void net_spoke(const struct seen *w, const struct wire_hdr *record,
	       enum wire_family family, const char *hook);
/* What the coverage table says that this hook does not see; "" if it is off. */
const char *net_blind(const struct seen *w, const char *hook);
/* Whether the table says that nothing serves this hook. */
bool net_is_off(const struct seen *w, const char *hook);

/* The one record of its kind is there, once, by the child, to this place. */
const struct wire_connect *net_connected(const struct seen *w,
					 const struct place *p);
/* How many outcomes were told of this; *ret: the last one. */
size_t net_outcomes(const struct seen *w, const struct wire_connect *c,
		    const struct wire_connect_result **ret);

/* In an act: connect; 0 or -errno. */
int net_ask(int fd, const struct place *p);
/* Fail unless that was told once, and settled once, with this errno. */
const struct wire_connect *net_once(const struct seen *w, const struct place *p,
				    int error);

/*
 * What this test needs, this kernel was built without or is too old for: said,
 * and passed by. Other kernels of the matrix have it.
 */
void net_lacks(void);

/* A system call as a 32-bit program makes it; -ENOSYS: none of those here. */
long net_call32(long number, long a, long b, long c);
/* Memory that such a program could name. */
void *net_low(size_t bytes);
