// SPDX-License-Identifier: Apache-2.0
/*
 * Names of numbers. The one idea: a table per enum, asserted to be as long as
 * the enum, and one bounded lookup, because the numbers come from a file.
 */
#include "out/names.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "wire.h"

#define LENGTH(table)	  (sizeof(table) / sizeof((table)[0]))
#define LOOK_UP(table, i) look_up(table, LENGTH(table), (uint64_t)(i))

static const char *look_up(const char *const *table, size_t n, uint64_t i)
{
	return i < n && table[i] ? table[i] : "unknown";
}

static const char *const kinds[] = {
	[PICKET__V1__KIND__KIND_EXEC] = "exec",
	[PICKET__V1__KIND__KIND_EXIT] = "exit",
	[PICKET__V1__KIND__KIND_CONNECT] = "connect",
	[PICKET__V1__KIND__KIND_WRITE] = "write",
	[PICKET__V1__KIND__KIND_AGENT] = "agent",
	[PICKET__V1__KIND__KIND_LISTEN] = "listen",
	[PICKET__V1__KIND__KIND_LOAD] = "load",
	[PICKET__V1__KIND__KIND_TAMPER] = "tamper",
};

static const char *const answers[] = {
	[PICKET__V1__ANSWER__ANSWER_NONE] = "none",
	[PICKET__V1__ANSWER__ANSWER_ALLOWED] = "allowed",
	[PICKET__V1__ANSWER__ANSWER_DENIED] = "denied",
	[PICKET__V1__ANSWER__ANSWER_UNLISTED] = "unlisted",
	[PICKET__V1__ANSWER__ANSWER_PENDING] = "pending",
	[PICKET__V1__ANSWER__ANSWER_IGNORED] = "ignored",
};

static const char *const severities[] = {
	[PICKET__V1__SEVERITY__SEVERITY_NONE] = "none",
	[PICKET__V1__SEVERITY__SEVERITY_LOW] = "low",
	[PICKET__V1__SEVERITY__SEVERITY_MEDIUM] = "medium",
	[PICKET__V1__SEVERITY__SEVERITY_HIGH] = "high",
	[PICKET__V1__SEVERITY__SEVERITY_CRITICAL] = "critical",
};

static const char *const operations[] = {
	[PICKET__V1__OPERATION__OPERATION_OPEN] = "open",
	[PICKET__V1__OPERATION__OPERATION_WRITE] = "write",
	[PICKET__V1__OPERATION__OPERATION_TRUNCATE] = "truncate",
	[PICKET__V1__OPERATION__OPERATION_MMAP] = "mmap",
	[PICKET__V1__OPERATION__OPERATION_RENAME] = "rename",
	[PICKET__V1__OPERATION__OPERATION_UNLINK] = "unlink",
	[PICKET__V1__OPERATION__OPERATION_LINK] = "link",
	[PICKET__V1__OPERATION__OPERATION_SYMLINK] = "symlink",
	[PICKET__V1__OPERATION__OPERATION_CHMOD] = "chmod",
	[PICKET__V1__OPERATION__OPERATION_CHOWN] = "chown",
	[PICKET__V1__OPERATION__OPERATION_XATTR] = "xattr",
	[PICKET__V1__OPERATION__OPERATION_MKNOD] = "mknod",
	[PICKET__V1__OPERATION__OPERATION_MKDIR] = "mkdir",
	[PICKET__V1__OPERATION__OPERATION_RMDIR] = "rmdir",
	[PICKET__V1__OPERATION__OPERATION_CHATTR] = "chattr",
	[PICKET__V1__OPERATION__OPERATION_UTIME] = "utime",
};

static const char *const loads[] = {
	[PICKET__V1__LOAD__TYPE__LIBRARY] = "library",
	[PICKET__V1__LOAD__TYPE__MODULE] = "module",
	[PICKET__V1__LOAD__TYPE__BPF] = "bpf",
};

static const char *const tampers[] = {
	[PICKET__V1__TAMPER__TYPE__SIGNAL] = "signal",
	[PICKET__V1__TAMPER__TYPE__PTRACE] = "ptrace",
	[PICKET__V1__TAMPER__TYPE__MEMORY_WRITE] = "memory",
	[PICKET__V1__TAMPER__TYPE__BPF] = "bpf",
	[PICKET__V1__TAMPER__TYPE__LIMIT] = "limit",
	[PICKET__V1__TAMPER__TYPE__SIGIO] = "sigio",
	[PICKET__V1__TAMPER__TYPE__DESCRIPTOR] = "descriptor",
	[PICKET__V1__TAMPER__TYPE__MOVE] = "move",
	[PICKET__V1__TAMPER__TYPE__FREEZE] = "freeze",
};

static const struct {
	const char *name;
	bool warning;
} whats[] = {
	[PICKET__V1__AGENT__WHAT__WHAT_UNSPECIFIED] = { "unknown", false },
	[PICKET__V1__AGENT__WHAT__STARTED] = { "started", false },
	[PICKET__V1__AGENT__WHAT__STOPPED] = { "stopped", false },
	[PICKET__V1__AGENT__WHAT__LOSS] = { "loss", true },
	[PICKET__V1__AGENT__WHAT__CUT] = { "cut", true },
	[PICKET__V1__AGENT__WHAT__UNCLEAN] = { "unclean", true },
	[PICKET__V1__AGENT__WHAT__POLICY] = { "policy", false },
	[PICKET__V1__AGENT__WHAT__CLOCK] = { "clock", false },
	[PICKET__V1__AGENT__WHAT__TRIMMED] = { "trimmed", true },
	[PICKET__V1__AGENT__WHAT__JOURNAL_ERROR] = { "journal_error", true },
	[PICKET__V1__AGENT__WHAT__JOURNAL_BACK] = { "journal_back", false },
	[PICKET__V1__AGENT__WHAT__COVERAGE] = { "coverage", false },
	[PICKET__V1__AGENT__WHAT__CANARY] = { "canary", false },
	[PICKET__V1__AGENT__WHAT__CANARY_MISSING] = { "canary_missing", true },
	[PICKET__V1__AGENT__WHAT__BLINDED] = { "blinded", true },
	[PICKET__V1__AGENT__WHAT__REFUSED] = { "refused", true },
	[PICKET__V1__AGENT__WHAT__SHADOW] = { "shadow", false },
	[PICKET__V1__AGENT__WHAT__MENDED] = { "mended", false },
};

static const char *const stdio_types[] = {
	[PICKET__V1__STDIO__TYPE__CLOSED] = "closed",
	[PICKET__V1__STDIO__TYPE__FILE] = "file",
	[PICKET__V1__STDIO__TYPE__PIPE] = "pipe",
	[PICKET__V1__STDIO__TYPE__SOCKET] = "socket",
	[PICKET__V1__STDIO__TYPE__TTY] = "tty",
	[PICKET__V1__STDIO__TYPE__NULL_DEVICE] = "null",
	[PICKET__V1__STDIO__TYPE__DEVICE] = "device",
	[PICKET__V1__STDIO__TYPE__OTHER] = "other",
};

static const char *const backends[WIRE_BACKEND_COUNT] = {
	[WIRE_BACKEND_NONE] = "none",	  [WIRE_BACKEND_LSM] = "lsm",
	[WIRE_BACKEND_FENTRY] = "fentry", [WIRE_BACKEND_KPROBE] = "kprobe",
	[WIRE_BACKEND_TP_BTF] = "tp_btf", [WIRE_BACKEND_RAW_TP] = "raw_tp",
	[WIRE_BACKEND_CGROUP] = "cgroup", [WIRE_BACKEND_ITER] = "iter",
};

static const struct {
	uint32_t family;
	const char *name;
} address_families[] = {
	{ AF_UNIX, "unix" },
	{ AF_INET, "inet" },
	{ AF_INET6, "inet6" },
	{ AF_PACKET, "packet" },
	{ AF_VSOCK, "vsock" },
	{ AF_NETLINK, "netlink" },
	{ AF_BLUETOOTH, "bluetooth" },
	{ AF_TIPC, "tipc" },
	{ AF_XDP, "xdp" },
	{ AF_CAN, "can" },
};

static const struct {
	uint32_t protocol;
	const char *name;
} protocols[] = {
	{ IPPROTO_TCP, "tcp" },		{ IPPROTO_UDP, "udp" },
	{ IPPROTO_ICMP, "icmp" },	{ IPPROTO_ICMPV6, "icmpv6" },
	{ IPPROTO_SCTP, "sctp" },	{ IPPROTO_DCCP, "dccp" },
	{ IPPROTO_UDPLITE, "udplite" }, { IPPROTO_MPTCP, "mptcp" },
	{ IPPROTO_RAW, "raw" },
};

static const struct {
	uint32_t error;
	const char *name;
} outcomes[] = {
	{ 0, "connected" },
	{ ECONNREFUSED, "refused" },
	{ ETIMEDOUT, "timed out" },
	{ ECONNRESET, "reset" },
	{ ENETUNREACH, "network unreachable" },
	{ EHOSTUNREACH, "host unreachable" },
	{ ECONNABORTED, "aborted" },
	{ EACCES, "not permitted" },
	{ EPERM, "not permitted" },
};

static_assert(LENGTH(operations) == WIRE_OP_COUNT,
	      "every operation has a name");

const char *name_kind(Picket__V1__Kind k)
{
	return LOOK_UP(kinds, k);
}

const char *name_answer(Picket__V1__Answer a)
{
	return LOOK_UP(answers, a);
}

const char *name_severity(Picket__V1__Severity s)
{
	return LOOK_UP(severities, s);
}

const char *name_operation(Picket__V1__Operation o)
{
	return LOOK_UP(operations, o);
}

const char *name_load(Picket__V1__Load__Type t)
{
	return LOOK_UP(loads, t);
}

const char *name_tamper(Picket__V1__Tamper__Type t)
{
	return LOOK_UP(tampers, t);
}

const char *name_what(Picket__V1__Agent__What w)
{
	return (uint64_t)w < LENGTH(whats) ? whats[w].name : "unknown";
}

bool what_is_warning(Picket__V1__Agent__What w)
{
	return (uint64_t)w < LENGTH(whats) && whats[w].warning;
}

const char *name_stdio(Picket__V1__Stdio__Type t)
{
	return LOOK_UP(stdio_types, t);
}

const char *name_backend(uint32_t backend)
{
	return LOOK_UP(backends, backend);
}

const char *name_address_family(uint32_t family)
{
	for (size_t i = 0; i < LENGTH(address_families); i++)
		if (address_families[i].family == family)
			return address_families[i].name;
	return NULL;
}

const char *name_protocol(uint32_t protocol, uint32_t type)
{
	if (!protocol && type == SOCK_STREAM)
		return "tcp";
	if (!protocol && type == SOCK_DGRAM)
		return "udp";
	for (size_t i = 0; i < LENGTH(protocols); i++)
		if (protocols[i].protocol == protocol)
			return protocols[i].name;
	return NULL;
}

const char *name_outcome(uint32_t error)
{
	for (size_t i = 0; i < LENGTH(outcomes); i++)
		if (outcomes[i].error == error)
			return outcomes[i].name;
	return NULL;
}

const char *name_signal(uint32_t signo, char buf[static 16])
{
	const char *abbrev = signo < 128 ? sigabbrev_np((int)signo) : NULL;

	if (!abbrev)
		return NULL;
	(void)snprintf(buf, 16, "SIG%s", abbrev);
	return buf;
}

static const char *const resources[] = {
	[RLIMIT_CPU] = "cpu",		[RLIMIT_FSIZE] = "fsize",
	[RLIMIT_DATA] = "data",		[RLIMIT_STACK] = "stack",
	[RLIMIT_CORE] = "core",		[RLIMIT_RSS] = "rss",
	[RLIMIT_NPROC] = "nproc",	[RLIMIT_NOFILE] = "nofile",
	[RLIMIT_MEMLOCK] = "memlock",	[RLIMIT_AS] = "as",
	[RLIMIT_LOCKS] = "locks",	[RLIMIT_SIGPENDING] = "sigpending",
	[RLIMIT_MSGQUEUE] = "msgqueue", [RLIMIT_NICE] = "nice",
	[RLIMIT_RTPRIO] = "rtprio",	[RLIMIT_RTTIME] = "rttime",
};

const char *name_resource(uint32_t resource)
{
	return LOOK_UP(resources, resource);
}

static const char *const trusts[] = {
	[PICKET__V1__TRUST__TRUST_UNKNOWN] = "unknown",
	[PICKET__V1__TRUST__TRUST_PACKAGE] = "package",
	[PICKET__V1__TRUST__TRUST_UNPACKAGED] = "unpackaged",
	[PICKET__V1__TRUST__TRUST_CHANGED] = "changed",
	[PICKET__V1__TRUST__TRUST_WRITABLE] = "writable",
	[PICKET__V1__TRUST__TRUST_UNPROVED] = "unproved",
};

const char *name_trust(Picket__V1__Trust t)
{
	size_t i = (size_t)t;

	return trusts[i < sizeof(trusts) / sizeof(*trusts) ? i : 0];
}

static const char *const hashes[] = {
	[PICKET__V1__HASH__HASH_NONE] = "none",
	[PICKET__V1__HASH__HASH_DONE] = "done",
	[PICKET__V1__HASH__HASH_CHANGED] = "changed",
	[PICKET__V1__HASH__HASH_GONE] = "gone",
	[PICKET__V1__HASH__HASH_TOO_LARGE] = "too_large",
	[PICKET__V1__HASH__HASH_FAILED] = "failed",
};

const char *name_hash(Picket__V1__Hash h)
{
	size_t i = (size_t)h;

	return hashes[i < sizeof(hashes) / sizeof(*hashes) ? i : 0];
}

const char *name_trust_said(Picket__V1__Trust t, Picket__V1__Hash h)
{
	static const char *const said[] = {
		[PICKET__V1__TRUST__TRUST_UNKNOWN] = "is not known to be of a "
						     "package ",
		[PICKET__V1__TRUST__TRUST_PACKAGE] = "is as packaged in ",
		[PICKET__V1__TRUST__TRUST_UNPACKAGED] = "is of no package",
		[PICKET__V1__TRUST__TRUST_CHANGED] = "is not as packaged in ",
		[PICKET__V1__TRUST__TRUST_WRITABLE] =
			"may be changed by others than root; of ",
		[PICKET__V1__TRUST__TRUST_UNPROVED] = "has no digest in ",
	};
	size_t i = (size_t)t;

	if (h == PICKET__V1__HASH__HASH_GONE)
		return "was gone when it was looked at; of ";
	if (h == PICKET__V1__HASH__HASH_CHANGED)
		return "was another one when it was looked at; of ";
	return said[i < sizeof(said) / sizeof(*said) ? i : 0];
}
