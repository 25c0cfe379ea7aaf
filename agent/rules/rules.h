/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy: INI files -> a compiled, immutable rule set -> a verdict for an
 * event. picket-policy(5) is the reference of the language.
 *
 * A section [allow NAME], [deny NAME] or [ignore NAME] is a rule. All its
 * conditions must hold; a key given several times lists alternatives; not-KEY
 * excludes. Names are unique over all files. [redact NAME] is not a rule: see
 * rules/redact.h.
 *
 *   event                 exec, connect, write, listen, load, tamper; without
 *                         it, every kind that has all the rule asks for
 *   path, old-path, op    of a write; old-path only of rename and link
 *   dest, port, proto     of a connection; port and proto also of a listening
 *                         socket, and `address`, where it listens
 *   socket                of both: a unix socket's path, or @ and its abstract
 *                         name (a glob as of args)
 *   load, loaded, name    of loaded code: library, module or bpf; its file; the
 *                         name a module or BPF program gives itself
 *   tamper, target, of-picket
 *                         of interference: signal, ptrace, memory or bpf; the
 *                         program it is aimed at; whether that is picket
 *   exe script args env user group unit cgroup origin tty container, and of a
 *   container its image (docker.io/library/nginx:*), pod and namespace, as its
 *   runtime tells them (containerd for a kubelet, and CRI-O); not known else
 *   stdin stdout stderr, and stdio for any of the three
 *                         of the process; with parent- or ancestor- before
 *                         it of those above. `parent` and `ancestor` alone
 *                         are parent-exe and ancestor-exe.
 *   severity final        of a deny (severity is medium if it says none)
 *   excepts               of an allow: a deny that it silences
 *   tag owner ticket reason expires
 *
 * path, old-path, loaded, target, exe, script, cgroup, parent and ancestor
 * take globs that begin with '/' (rules/pattern.h); args, env, unit,
 * container, image, pod and namespace take globs in which '*' also crosses
 * '/'. `args` holds if a value fits one whole argument, argv[0] included;
 * `env` likewise, as NAME=value, of the variables that are kept. user and
 * group are names from /etc/passwd and /etc/group or numbers: the effective
 * uid and the gid as of the act (of a parent, as of its exec). tty and std*
 * are as of the exec.
 *
 * trust, sha256, sha256-file, writable-by and origin ask what the program's
 * file is, and of a script also the script's. trust is package (of an
 * installed package of the host, content as packaged, root's alone), or one of
 * unpackaged, changed, writable (as packaged, but not root's alone) and
 * unproved (no digest to hold it against). origin is package; in a container
 * image (an overlay's lower layers) or drift; memfd; deleted. writable-by is
 * others, group or user: who, other than root, may write to the file or to a
 * directory on the way. A script's name that the kernel did not give is never
 * trusted. These are found out after the event; until then, and where they
 * would decide, the answer is ANSWER_PENDING; but a deny that holds for certain
 * does not wait for a graver one that may hold.
 *
 * The parent is whoever forked the process. Ancestors are also what the
 * process itself ran before: the line goes back through each exec and fork,
 * PICKET_ANCESTORS_MAX long. Several ancestor- conditions of a rule must hold
 * for one and the same ancestor; each not-ancestor- excludes any.
 *
 * Sure and possible. An allow or ignore rule matches only what is certain, a
 * deny whatever is possible:
 * - A rename or link has two names. An allow needs both to fit `path`, a deny
 *   one (a not-path the other way round).
 * - A file reached through a mount may have the name it has there and another
 *   by the host's mounts. For a deny either fits. An allow goes by the host's,
 *   because anyone can make a mount namespace; the other one counts too where
 *   the namespace is that of process 1, and for a rule with a `container`, `pod` …
 *   condition.
 * - Of a path that was cut or not resolved the end is known. A deny is tried
 *   on that, from its first '/' on; an allow never matches it. (A program in
 *   a memfd is called /memfd:NAME, and that name is whole.)
 * - What is not known (an unknown process's program, an ancestor beyond what
 *   we saw, a cut argument) fails an allow, asked with not- or without; in a
 *   deny it does not fit, so a not- there excludes nothing.
 *
 * Of recorded events secrets in args and env are redacted (rules/redact.h).
 * Such a string is neither a yes nor a no, and the verdict says that it hung
 * on one; live, rules see what was there.
 *
 * Deny beats ignore beats allow, whatever the order. A deny that an allow
 * with `excepts` names does not count where all of that allow matches. Among
 * several denies the highest severity decides, then the name; among several
 * ignores or allows the name. What is decided names its rule and counts as
 * its hit. An expired rule (the date is its last day, UTC) never matches.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct rule_set;

struct rule_error {
	char file[256];		/* as given, escaped */
	unsigned line;		/* 0: the file as a whole */
	char what[200];
};

/*
 * What "unlisted" means, per event kind (agent.ini [rules]). Alerts of it
 * have medium severity; what is dropped is ANSWER_IGNORED without a rule.
 */
enum unlisted { UNLISTED_RECORD, UNLISTED_ALERT, UNLISTED_DROP };

struct rule_options {
	enum unlisted unlisted[EVENT_KIND_COUNT];
	int64_t now_wall_ns;	/* for `expires`, at compile time */
};

/*
 * Open the directory or file of a policy for reading. If it has a directory
 * "..data" (as a ConfigMap's volume, whose files are links through it and which
 * is swapped as a whole), that one is opened, so that no load sees half of one
 * state and half of the next. A descriptor, or -errno.
 */
int rule_files_open(const char *path);
/* Is a file of this name part of the policy? */
bool rule_files_is_name(const char *name);

/*
 * All *.ini of a directory in name order; one file works too. -EINVAL: a
 * mistake in a file; otherwise the -errno of what failed. *err says where.
 */
int rule_set_load(const char *path, const struct rule_options *opt,
		  struct rule_set **ret, struct rule_error *err);
/*
 * An edit that is applied while loading, without changing files: one line after
 * line `line` of `file` (as in rule_info); or, if file is NULL, a whole text
 * after the other files. edit NULL: as rule_set_load.
 */
struct rule_edit {
	const char *file;
	unsigned line;
	const char *text;
};
int rule_set_load_edited(const char *path, const struct rule_edit *edit,
			 const struct rule_options *opt, struct rule_set **ret,
			 struct rule_error *err);
/* The same from text that is already there, for tests and fuzzing. */
int rule_set_load_text(const char *name, struct slice text,
		       const struct rule_options *opt, struct rule_set **ret,
		       struct rule_error *err);
void rule_set_free(struct rule_set *set);

/*
 * Judge an event. img: the image that acted (its ancestors are found through
 * parent and prev); it may have IMAGE_F_UNKNOWN, or be NULL if no process
 * acted. For an exec, img is the new image. Strings in the verdict live as
 * long as the set. Not thread-safe: uses counters and scratch memory of the
 * set. ANSWER_NONE: no rule can apply to this kind of event.
 */
struct verdict rule_set_match(struct rule_set *set, const struct event *ev,
			      const struct image *img);

/*
 * After ANSWER_PENDING: the files whose facts decide (img->exe_facts, or
 * script_facts of a script). Judge again once they are known, or known to stay
 * unknown (facts with only `known` set); the answer can then be pending for
 * other files. Valid until the next match; empty if the last verdict was
 * final.
 */
#define RULE_WANTS_MAX 16u
struct rule_want {
	const struct image *img;
	bool script;
	bool trust;	/* the package matters, not only the content */
};
struct rule_wants {
	unsigned n;
	struct rule_want list[RULE_WANTS_MAX];
};
const struct rule_wants *rule_set_wants(const struct rule_set *set);

/* Does any rule need facts about files? */
struct rule_needs {
	bool facts;	/* of files: trust, sha256, writable-by, origin */
	bool trust;	/* of packages */
};
struct rule_needs rule_set_needs(const struct rule_set *set);

struct rule_info {
	const char *name;
	const char *file;
	unsigned line;
	const char *action;	/* allow, deny, ignore */
	enum severity severity;
	bool final;			/* a deny that takes no exception */
	const char *tag;
	const char *owner, *ticket, *reason;	/* NULL: not said */
	int64_t expires_wall_ns;	/* INT64_MAX: never */
	bool expired;
	uint64_t text_hash;		/* of all it says */
	uint64_t hits;
	int64_t last_hit_wall_ns;	/* 0: never */
	int64_t since_wall_ns;		/* when counting began */
	uint32_t sample_epoch;		/* of the journal; with ... */
	uint64_t sample_seq;		/* ... 0: no event of it is kept */
};

size_t rule_set_count(const struct rule_set *set);
/* i < rule_set_count, in the order of the files. */
void rule_set_info(const struct rule_set *set, size_t i, struct rule_info *ret);

/*
 * SHA-256 over each file's name (without its directory) and bytes, each with
 * its length in front, in order: names this set.
 */
const uint8_t *rule_set_hash(const struct rule_set *set);

/* rules/redact.h: of its [redact NAME] sections; NULL: there is none. */
struct redactor;
const struct redactor *rule_set_redactor(const struct rule_set *set);

const char *answer_name(enum answer a);		/* allowed, denied … */
const char *severity_name(enum severity s);	/* low, medium … */
const char *write_op_name(enum write_op op);	/* open, write, truncate … */
