/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for enum values, each list once, for reading and for printing. They
 * are what users write and what records carry: never rename one.
 */
#include "rules/names.h"

#include <errno.h>

#include "rules/rule.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LIST(a)                             \
	{                                   \
		.words = (a), .n = COUNT(a) \
	}

static const char *const answers[] = {
	[ANSWER_NONE] = "none",	      [ANSWER_ALLOWED] = "allowed",
	[ANSWER_DENIED] = "denied",   [ANSWER_UNLISTED] = "unlisted",
	[ANSWER_IGNORED] = "ignored", [ANSWER_PENDING] = "pending",
};
_Static_assert(COUNT(answers) == ANSWER_COUNT, "one word per answer");

static const char *const severities[] = {
	[SEVERITY_NONE] = "none",	  [SEVERITY_LOW] = "low",
	[SEVERITY_MEDIUM] = "medium",	  [SEVERITY_HIGH] = "high",
	[SEVERITY_CRITICAL] = "critical",
};
_Static_assert(COUNT(severities) == SEVERITY_COUNT, "one word per severity");
const struct word_list severity_words = LIST(severities);

static const char *const ops[] = {
	[OP_OPEN] = "open",	    [OP_WRITE] = "write",
	[OP_TRUNCATE] = "truncate", [OP_MMAP] = "mmap",
	[OP_RENAME] = "rename",	    [OP_UNLINK] = "unlink",
	[OP_LINK] = "link",	    [OP_SYMLINK] = "symlink",
	[OP_CHMOD] = "chmod",	    [OP_CHOWN] = "chown",
	[OP_XATTR] = "xattr",	    [OP_MKNOD] = "mknod",
	[OP_MKDIR] = "mkdir",	    [OP_RMDIR] = "rmdir",
	[OP_CHATTR] = "chattr",	    [OP_UTIME] = "utime",
};
_Static_assert(COUNT(ops) == OP_COUNT, "one word per operation");
const struct word_list op_words = LIST(ops);

static const char *const loads[] = {
	[LOAD_MMAP] = "library",
	[LOAD_MODULE] = "module",
	[LOAD_BPF] = "bpf",
};
_Static_assert(COUNT(loads) == LOAD_COUNT, "one word per load");
const struct word_list load_words = LIST(loads);

static const char *const tampers[] = {
	[TAMPER_SIGNAL] = "signal",	    [TAMPER_PTRACE] = "ptrace",
	[TAMPER_VM_WRITE] = "memory",	    [TAMPER_BPF] = "bpf",
	[TAMPER_LIMIT] = "limit",	    [TAMPER_SIGIO] = "sigio",
	[TAMPER_DESCRIPTOR] = "descriptor", [TAMPER_MOVE] = "move",
	[TAMPER_FREEZE] = "freeze",
};
_Static_assert(COUNT(tampers) == TAMPER_COUNT, "one word per interference");
const struct word_list tamper_words = LIST(tampers);

static const char *const stdio_kinds[] = {
	[STDIO_CLOSED] = "closed", [STDIO_FILE] = "file",
	[STDIO_PIPE] = "pipe",	   [STDIO_SOCKET] = "socket",
	[STDIO_TTY] = "tty",	   [STDIO_NULL] = "null",
	[STDIO_DEVICE] = "device", [STDIO_OTHER] = "other",
};
_Static_assert(COUNT(stdio_kinds) == STDIO_KIND_COUNT, "one word per kind");
const struct word_list stdio_words = LIST(stdio_kinds);

static const char *const trusts[] = {
	[TRUST_PACKAGE] = "package",   [TRUST_UNPACKAGED] = "unpackaged",
	[TRUST_CHANGED] = "changed",   [TRUST_WRITABLE] = "writable",
	[TRUST_UNPROVED] = "unproved",
};
_Static_assert(COUNT(trusts) == TRUST_STATE_COUNT, "one word per state");
const struct word_list trust_words = LIST(trusts);

static const char *const writers[] = { "others", "group", "user" };
_Static_assert(WRITABLE_OTHERS == 1 && WRITABLE_GROUP == 2 &&
		       WRITABLE_USER == 4,
	       "words in the order of the bits");
const struct word_list writable_words = LIST(writers);

static const char *const origins[] = {
	[ORIGIN_PACKAGE] = "package", [ORIGIN_IMAGE] = "image",
	[ORIGIN_DRIFT] = "drift",     [ORIGIN_MEMFD] = "memfd",
	[ORIGIN_DELETED] = "deleted",
};
_Static_assert(COUNT(origins) == ORIGIN_COUNT, "one word per origin");
const struct word_list origin_words = LIST(origins);

static const char *const events[] = {
	[EVENT_EXEC] = "exec",	 [EVENT_CONNECT] = "connect",
	[EVENT_WRITE] = "write", [EVENT_LISTEN] = "listen",
	[EVENT_LOAD] = "load",	 [EVENT_TAMPER] = "tamper",
};
const struct word_list event_words = LIST(events);

static const char *const actions[] = {
	[ACTION_DENY] = "deny",
	[ACTION_IGNORE] = "ignore",
	[ACTION_ALLOW] = "allow",
};
_Static_assert(COUNT(actions) == ACTION_COUNT, "one word per action");
const struct word_list action_words = LIST(actions);

int word_find(const struct word_list *list, struct slice word)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (list->words[i] && slice_eq(slice_str(list->words[i]), word))
			return (int)i;
	}
	return -EINVAL;
}

const char *answer_name(enum answer a)
{
	return a < COUNT(answers) ? answers[a] : "unknown";
}

const char *severity_name(enum severity s)
{
	return s < COUNT(severities) ? severities[s] : "unknown";
}

const char *write_op_name(enum write_op op)
{
	return op < COUNT(ops) && ops[op] ? ops[op] : "unknown";
}
