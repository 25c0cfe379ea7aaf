// SPDX-License-Identifier: Apache-2.0
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "forced.h"

static int set_up(void **state, bool is_alone)
{
	struct sensor_settings s = {
		.ring_bytes = 8u << 20,
		.window_ms = 3600 * 1000,
		.unix_sockets = true,
		.env_names = seen_env_names,
		.self_tgid = (uint32_t)getpid(),
	};
	struct seen *w = NULL;
	char what[256] = "";

	if (is_alone)
		s.force[WIRE_FAM_WRITE] = s.force[WIRE_FAM_LISTEN] =
			s.force[WIRE_FAM_LOAD] = s.force[WIRE_FAM_TAMPER] =
				SENSOR_OFF;
	forced_by_env(s.force);
	if (seen_try(&s, &w, what) < 0)
		print_error("sensor_open: %s\n", what);
	*state = w;
	return w ? 0 : -1;
}

int net_setup(void **state)
{
	return set_up(state, false);
}

int net_setup_alone(void **state)
{
	return set_up(state, true);
}

int net_serve(int family, int type, struct place *p)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	memset(p, 0, sizeof(*p));
	p->type = type;
	p->any.sa_family = (sa_family_t)family;
	if (family == AF_INET6)
		p->six.sin6_addr = in6addr_loopback;
	else
		p->four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->len = family == AF_INET6 ? sizeof(p->six) : sizeof(p->four);
	if (fd < 0 || bind(fd, &p->any, p->len) < 0)
		return -1;
	assert_int_equal(getsockname(fd, &p->any, &p->len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 8), 0);
	return fd;
}

void net_desert(int family, int type, struct place *p)
{
	int fd = net_serve(family, type, p);

	assert_true(fd >= 0);
	(void)close(fd);
}

uint16_t net_port(const struct place *p)
{
	return ntohs(p->any.sa_family == AF_INET6 ? p->six.sin6_port
						  : p->four.sin_port);
}

void *net_shared(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

static const struct sensor_row *row_of(const struct seen *w, const char *hook)
{
	static struct sensor_row rows[SENSOR_ROWS_MAX];
	size_t i, n = sensor_coverage(w->sensor, rows);

	for (i = 0; i < n; i++)
		if (strcmp(rows[i].hook, hook) == 0)
			return &rows[i];
	fail_msg("the coverage table has no '%s'", hook);
	return NULL;
}

void net_spoke(const struct seen *w, const struct wire_hdr *record,
	       enum wire_family family, const char *hook)
{
	static const char *const names[] = {
		[WIRE_BACKEND_LSM] = "lsm",
		[WIRE_BACKEND_FENTRY] = "fentry",
		[WIRE_BACKEND_KPROBE] = "kprobe",
		[WIRE_BACKEND_TP_BTF] = "tp_btf",
		[WIRE_BACKEND_RAW_TP] = "raw_tp",
		[WIRE_BACKEND_CGROUP] = "cgroup",
	};
	const struct sensor_row *row = row_of(w, hook);

	if (family != WIRE_FAM_COUNT)
		assert_forced(record, family);
	assert_true(row->active);
	assert_string_equal(names[record->backend], row->backend);
}

const char *net_blind(const struct seen *w, const char *hook)
{
	const struct sensor_row *row = row_of(w, hook);

	return row->active ? row->reason : "";
}

bool net_is_off(const struct seen *w, const char *hook)
{
	return !row_of(w, hook)->active;
}

const struct wire_connect *net_connected(const struct seen *w,
					 const struct place *p)
{
	const struct wire_connect *c;
	uint8_t addr[16] = { 0 };

	assert_int_equal(seen_count(w, WIRE_CONNECT), 1);
	c = seen_nth(w, WIRE_CONNECT, 0);
	assert_int_equal(c->hdr.tgid, w->child);
	assert_int_equal(c->hdr.flags & WIRE_F_NO_TASK, 0);
	assert_int_equal(c->family, p->any.sa_family);
	assert_int_equal(c->type, p->type);
	if (p->any.sa_family == AF_UNIX)
		return c;
	if (p->any.sa_family == AF_INET6)
		memcpy(addr, &p->six.sin6_addr, 16);
	else
		memcpy(addr, &p->four.sin_addr, 4);
	assert_memory_equal(c->addr, addr, 16);
	assert_int_equal(c->port, net_port(p));
	return c;
}

size_t net_outcomes(const struct seen *w, const struct wire_connect *c,
		    const struct wire_connect_result **ret)
{
	const struct wire_connect_result *r;
	size_t i, n = 0;

	for (i = 0; (r = seen_nth(w, WIRE_CONNECT_RESULT, i)); i++)
		if (r->sock == c->sock) {
			*ret = r;
			n++;
		}
	return n;
}

void net_lacks(void)
{
	print_message("# not on this kernel\n");
}

#if defined(__x86_64__)

long net_call32(long number, long a, long b, long c)
{
	long r;

	/* The stack is out of reach of 32 bits, so nothing of it is named. */
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(number), "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	return r;
}

void *net_low(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

#else

long net_call32(long number, long a, long b, long c)
{
	(void)number;
	(void)a;
	(void)b;
	(void)c;
	return -ENOSYS;
}

void *net_low(size_t bytes)
{
	return calloc(1, bytes);
}

#endif

int net_ask(int fd, const struct place *p)
{
	return connect(fd, &p->any, p->len) < 0 ? -errno : 0;
}

const struct wire_connect *net_once(const struct seen *w, const struct place *p,
				    int error)
{
	const struct wire_connect_result *r = NULL;
	const struct wire_connect *c;

	assert_int_equal(w->status, 0);
	c = net_connected(w, p);
	assert_int_equal(c->op, WIRE_CONNECT_CONNECT);
	net_spoke(w, &c->hdr, WIRE_FAM_CONNECT,
		  p->any.sa_family == AF_INET6 ? V6 : V4);
	assert_int_equal(net_outcomes(w, c, &r), 1);
	assert_int_equal(r->error, error);
	return c;
}
