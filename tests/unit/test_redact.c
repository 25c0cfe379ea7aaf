/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact: what is secret goes, what is not stays, and of generated argument
 * lists no byte of a secret is left, however they are cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "rules/literals.h"
#include "rules/redact.h"
#include "rules/rules.h"
#include "seed.h"

static const struct rule_options options = {
	.now_wall_ns = 1795000000000000000,
};

static const struct redact_key key = { .bytes = { 1, 2, 3 } };

static const char policy[] = "[redact pw]\n"
			     "option = --*password\n"
			     "option = --token\n"
			     "env = *_PASSWORD\n"
			     "assigned = password\n"
			     "[redact mysql]\n"
			     "program = mysql*\n"
			     "prefix = -p\n"
			     "[redact ssh]\n"
			     "program = sshpass\n"
			     "option = -p\n"
			     "[redact openssl]\n"
			     "program = openssl\n"
			     "prefix = pass:\n"
			     "[redact bearer]\n"
			     "after = bearer\\x20\n"
			     "[redact pem]\n"
			     "after = PRIVATE KEY-----\n"
			     "until = -----END\n"
			     "[redact url]\n"
			     "url-password = yes\n";

static struct rule_set *load(const char *text)
{
	struct rule_set *set = NULL;
	struct rule_error err;

	if (rule_set_load_text("test.ini", slice_str(text), &options, &set,
			       &err) < 0)
		fail_msg("%u: %s", err.line, err.what);
	return set;
}

static struct buf scratch = BUF_INIT(REDACT_SCRATCH_MAX);

/* A list as text: '|' for each zero. Each token shrinks to <NAME>. */
static const char *shown(struct slice list)
{
	static char text[8192];
	size_t i, n = 0;

	for (i = 0; i < list.n && n + 1 < sizeof(text); i++) {
		static const char token[] = "<redacted:";
		const size_t len = sizeof(token) - 1;

		if (list.n - i > len && !memcmp(list.p + i, token, len)) {
			text[n++] = '<';
			for (i += len; list.p[i] != ':'; i++)
				text[n++] = list.p[i];
			if (!strncmp(list.p + i, ":cut>", 5))
				text[n++] = '!';
			while (list.p[i] != '>')
				i++;
			text[n++] = '>';
			continue;
		}
		text[n++] = list.p[i] ? list.p[i] : '|';
	}
	text[n] = '\0';
	return text;
}

static struct image image_of(const char *exe, char *args)
{
	struct image img = {
		.exe.path = slice_str(exe),
		.args = slice_of(args, strlen(args)),
	};
	size_t i;

	for (i = 0; i < img.args.n; i++) {
		if (args[i] == '|')
			args[i] = '\0';
	}
	return img;
}

static const struct {
	const char *exe, *args, *want;
	bool cut;
} cases[] = {
	{ "/bin/x", "x|--password|hunter2|y|", "x|--password|<pw>|y|", false },
	{ "/bin/x", "x|--password=hunter2|y|", "x|--password=<pw>|y|", false },
	{ "/bin/x", "x|--db-password=a=b c|", "x|--db-password=<pw>|", false },
	{ "/bin/x", "x|--password=|y|", "x|--password=|y|", false },
	{ "/bin/x", "x|--password||y|", "x|--password||y|", false },
	{ "/bin/x", "x|--password|", "x|--password|", false },
	{ "/bin/x", "x|--password-file|/f|", "x|--password-file|/f|", false },
	/* A value that is an option may have one of its own. */
	{ "/bin/x", "x|--password|--token|v|", "x|--password|<pw>|<pw>|",
	  false },
	/* Programs: by the file, by argv[0], by any word before. */
	{ "/usr/bin/mysql", "m|-phunter2|", "m|-p<mysql>|", false },
	{ "/usr/bin/busybox", "mysqldump|-phunter2|", "mysqldump|-p<mysql>|",
	  false },
	{ "/usr/bin/sudo", "sudo|-pPROMPT|/opt/mysql|-phunter2|",
	  "sudo|-pPROMPT|/opt/mysql|-p<mysql>|", false },
	{ "/usr/bin/ps", "ps|-phunter2|", "ps|-phunter2|", false },
	{ "/usr/bin/mysql", "mysql|-p|", "mysql|-p|", false },
	{ "/usr/bin/sshpass", "sshpass|-p|x y|ssh|h|",
	  "sshpass|-p|<ssh>|ssh|h|", false },
	/* What begins so need not be an option. */
	{ "/usr/bin/openssl", "openssl|rsa|-passin|pass:a b|-in|f|",
	  "openssl|rsa|-passin|pass:<openssl>|-in|f|", false },
	{ "/bin/sh", "sh|-c|openssl rsa -passin pass:ab -in f|",
	  "sh|-c|openssl rsa -passin pass:<openssl> -in f|", false },
	{ "/bin/x", "x|pass:ab|", "x|pass:ab|", false },
	/* Variables. */
	{ "/bin/x", "docker|run|--env=DB_PASSWORD=a b|--env=A=b|",
	  "docker|run|--env=DB_PASSWORD=<pw>|--env=A=b|", false },
	{ "/bin/env", "env|DB_PASSWORD=a b|x|", "env|DB_PASSWORD=<pw>|x|",
	  false },
	{ "/bin/x", "x|-e|DB_PASSWORD_FILE=/f|", "x|-e|DB_PASSWORD_FILE=/f|",
	  false },
	/* Scripts. */
	{ "/bin/sh", "sh|-c|mysql -u root -phunter2 db|",
	  "sh|-c|mysql -u root -p<mysql> db|", false },
	{ "/bin/sh", "sh|-c|cd /x; mysql -p'a b' && ls -l|",
	  "sh|-c|cd /x; mysql -p<mysql> && ls -l|", false },
	{ "/bin/sh", "sh|-c|x --password 'a b' y|",
	  "sh|-c|x --password '<pw>' y|", false },
	{ "/bin/sh", "sh|-c|sudo sh -c \"x --token=abc z\" y|",
	  "sh|-c|sudo sh -c \"x --token=<pw> z\" y|", false },
	{ "/bin/sh", "sh|-c|it's --token abc|", "sh|-c|it's --token <pw>|",
	  false },
	/* Texts. */
	{ "/bin/curl", "curl|-H|Authorization: Bearer abc.def|u|",
	  "curl|-H|Authorization: Bearer <bearer>|u|", false },
	{ "/bin/x", "x|{\"user\": \"u\", \"password\": \"a b\"}|",
	  "x|{\"user\": \"u\", \"password\": \"<pw>\"}|", false },
	{ "/bin/x", "x|Server=h;Password=abc;Port=1|",
	  "x|Server=h;Password=<pw>;Port=1|", false },
	{ "/bin/x", "x|{\\\"password\\\":\\\"abc\\\"}|",
	  "x|{\\\"password\\\":\\\"<pw>\\\"}|", false },
	{ "/bin/x", "x|/password:/y|", "x|/password:/y|", false },
	{ "/bin/x", "x|-----BEGIN PRIVATE KEY-----\nab\ncd\n-----END K|",
	  "x|-----BEGIN PRIVATE KEY-----<pem>-----END K|", false },
	/* Addresses. */
	{ "/bin/x", "x|http://u:pw@h:80/p?q=a@b|",
	  "x|http://u:<url>@h:80/p?q=a@b|", false },
	{ "/bin/x", "x|http://h:80/p?q=a@b|", "x|http://h:80/p?q=a@b|", false },
	{ "/bin/x", "x|http://u@h/|", "x|http://u@h/|", false },
	{ "/bin/x", "x|redis://:p@s/w@h/0|", "x|redis://:<url>@s/w@h/0|",
	  false },
	{ "/bin/x", "x|pg://u:p/w@h/0|", "x|pg://u:<url>@h/0|", false },
	{ "/bin/x", "x|http://[::1]:80/a@b|", "x|http://[::1]:80/a@b|", false },
	{ "/bin/x", "x|a http://u:b@c http://d:e@f|",
	  "x|a http://u:<url>@c http://d:<url>@f|", false },
	/* Cut: what would have followed is not known. */
	{ "/bin/x", "x|--password=hunt", "x|--password=<pw!>", true },
	{ "/bin/x", "x|--password|hunt", "x|--password|<pw!>", true },
	{ "/bin/x", "x|http://u:hun", "x|http://u:<url!>", true },
	{ "/bin/x", "x|http://u:hun", "x|http://u:hun", false },
	{ "/bin/x", "x|http://h:80", "x|http://h:80", true },
	{ "/bin/x", "x|--password=a|b", "x|--password=<pw>|b", true },
	/* Bytes. */
	{ "/bin/x", "x|--password=\xff\xfe\x01|", "x|--password=<pw>|", false },
};

static void secrets_go_and_the_rest_stays(void **state)
{
	struct rule_set *set = load(policy);
	struct redacted got;
	char args[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct image img;

		(void)snprintf(args, sizeof(args), "%s", cases[i].args);
		img = image_of(cases[i].exe, args);
		if (cases[i].cut)
			img.flags |= IMAGE_F_ARGS_TRUNCATED;
		redact_image(rule_set_redactor(set), &key, &img, &scratch,
			     &got);
		assert_string_equal(shown(got.args), cases[i].want);
		assert_int_equal(!!got.args_hidden,
				 !!strchr(cases[i].want, '<'));
	}
	rule_set_free(set);
}

static void which_strings_were_touched_is_told(void **state)
{
	struct rule_set *set = load(policy);
	char args[] = "x|--password|a|--token=b|c|";
	struct image img = image_of("/bin/x", args);
	struct redacted got;

	(void)state;
	redact_image(rule_set_redactor(set), &key, &img, &scratch, &got);
	assert_int_equal(got.args_hidden, 1u << 2 | 1u << 3);
	rule_set_free(set);
}

static void the_environment_is_looked_at_too(void **state)
{
	static char env[] = "DB_PASSWORD=hunter2\0JAVA_TOOL_OPTIONS=-Da=b "
			    "--password=abc -Dc=d\0HOME=/root";
	struct image img = { .env = slice_of(env, sizeof(env)) };
	struct rule_set *set = load(policy);
	struct redacted got;

	(void)state;
	redact_image(rule_set_redactor(set), &key, &img, &scratch, &got);
	assert_string_equal(shown(got.env),
			    "DB_PASSWORD=<pw>|JAVA_TOOL_OPTIONS=-Da=b "
			    "--password=<pw> -Dc=d|HOME=/root|");
	assert_int_equal(got.env_hidden, 3);
	rule_set_free(set);
}

/* As `openssl dgst -sha256 -mac HMAC -macopt hexkey:010203000…` has it. */
static void one_secret_has_one_token_and_only_with_the_key(void **state)
{
	static const char token[] = "<redacted:pw:2234cc66227cf6ce>";
	struct redact_key other = key;
	char one[] = "x|--password|hunter2|";
	char two[] = "y|DB_PASSWORD=hunter2|";
	struct rule_set *set = load(policy);
	struct image img = image_of("/bin/x", one);
	struct redacted got;
	char first[64];

	(void)state;
	redact_image(rule_set_redactor(set), &key, &img, &scratch, &got);
	assert_int_equal(got.args.n, 2 + 11 + sizeof(token));
	memcpy(first, got.args.p + 13, sizeof(token));
	assert_string_equal(first, token);

	img = image_of("/bin/y", two);
	redact_image(rule_set_redactor(set), &key, &img, &scratch, &got);
	assert_memory_equal(got.args.p + 14, first, sizeof(token));

	other.bytes[31] = 1;
	redact_image(rule_set_redactor(set), &other, &img, &scratch, &got);
	assert_memory_not_equal(got.args.p + 14, first, sizeof(token));
	rule_set_free(set);
}

/* ---- generated lists ---------------------------------------------------- */

static uint64_t seed;

/* What no other part of a list holds, so that a trace of it is a leak. */
static void add_secret(struct buf *b, char *ret)
{
	static const char bytes[] = "QZ\xc3\xfe%+^";
	unsigned n = 4 + chance(&seed, 30), i;

	for (i = 0; i < n; i++)
		ret[i] = bytes[chance(&seed, sizeof(bytes) - 1)];
	ret[n] = '\0';
	buf_add(b, ret, n);
}

#define WAY(before, behind)                        \
	{                                          \
		before, sizeof(before) - 1, behind \
	}

static const struct {
	const char *before;
	size_t before_n;
	const char *behind;
} ways[] = {
	WAY("--password\0", ""),
	WAY("--password=", ""),
	WAY("DB_PASSWORD=", ""),
	WAY("mysql\0-p", ""),
	WAY("mysql\0a\0-p", ""),
	WAY("openssl\0-passin\0pass:", ""),
	WAY("http://u:", "@h/x"),
	WAY("Authorization: bearer ", ""),
	WAY("x --token=", " y"),
	WAY("sh -c 'x --token \"", "\" y'"),
	WAY("{\"password\":\"", "\"}"),
	WAY("a;password=", ";b"),
	WAY("mysql -p", " | wc"),
	WAY("-----BEGIN PRIVATE KEY-----\n", "\n-----END"),
};

static const char *const fillers[] = {
	"a",  "--",    "--x=y", "'",	     "\"",    "a b",	"http://",
	"=",  "-p",    ":",	"password:", "\\",    "sudo",	"",
	"\n", "`x` y", ";;",	"://:@",     "mysql", "bearer",
};

static void add_filler(struct buf *b)
{
	buf_add_str(b,
		    fillers[chance(&seed, sizeof(fillers) / sizeof(*fillers))]);
	buf_add_char(b, '\0');
}

static bool holds_part(struct slice list, const char *secret)
{
	/* Four of its bytes in a row do not come about by chance. */
	for (; strlen(secret) >= 4; secret++) {
		if (memmem(list.p, list.n, secret, 4))
			return true;
	}
	return false;
}

static void no_byte_of_a_generated_secret_is_left(void **state)
{
	struct rule_set *set = load(policy);
	struct buf list = BUF_INIT(1u << 20);
	unsigned round, rounds = 200000;
	char secret[64];

	(void)state;
	seed = any_seed();
	for (round = 0; round < rounds; round++) {
		unsigned way = chance(&seed, sizeof(ways) / sizeof(*ways)), n;
		struct image img = { .exe.path = slice_str("/bin/x") };
		struct redacted got;

		buf_reset(&list);
		for (n = chance(&seed, 5); n; n--)
			add_filler(&list);
		buf_add(&list, ways[way].before, ways[way].before_n);
		add_secret(&list, secret);
		buf_add_str(&list, ways[way].behind);
		if (chance(&seed, 3)) {
			buf_add_char(&list, '\0');
			for (n = chance(&seed, 4); n; n--)
				add_filler(&list);
		}
		img.args = buf_slice(&list);
		if (!chance(&seed, 3)) {
			img.args.n -= chance(&seed, 20) % img.args.n;
			img.flags |= IMAGE_F_ARGS_TRUNCATED;
		}
		redact_image(rule_set_redactor(set), &key, &img, &scratch,
			     &got);
		if (holds_part(got.args, secret))
			fail_msg("round %u: way %u leaks: %s", round, way,
				 shown(got.args));
	}
	buf_done(&list);
	rule_set_free(set);
}

/* Of anything: as many strings as before, and linear time. */
static void whatever_comes_it_ends_soon(void **state)
{
	static const char *const parts[] = {
		"://:",	 "://u:x",   "password='", "password=\\\"",    "a=",
		"'\"`",	 "--token ", "bearer ",	   "PRIVATE KEY-----", "-p",
		"a b;c", "((((",
	};
	struct rule_set *set = load(policy);
	struct buf list = BUF_INIT(1u << 20);
	size_t way, i, zeros;

	(void)state;
	for (way = 0; way < sizeof(parts) / sizeof(*parts); way++) {
		struct image img = { .exe.path = slice_str("/bin/mysql") };
		struct redacted got;

		buf_reset(&list);
		while (list.n <= REDACT_LIST_MAX)
			buf_add_str(&list, parts[way]);
		img.args = buf_slice(&list);
		redact_image(rule_set_redactor(set), &key, &img, &scratch,
			     &got);
		assert_true(got.args_cut);
		assert_true(got.args.n <= REDACT_SCRATCH_MAX);
		for (i = zeros = 0; i < got.args.n; i++)
			zeros += !got.args.p[i];
		assert_int_equal(zeros, 0);
	}
	buf_done(&list);
	rule_set_free(set);
}

static void many_secrets_are_hidden_with_less_work(void **state)
{
	struct rule_set *set = load(policy);
	struct buf list = BUF_INIT(1u << 20);
	struct image img = { .exe.path = slice_str("/bin/x") };
	struct redacted got;
	unsigned i;

	(void)state;
	for (i = 0; i < 1000; i++)
		buf_add(&list, "--token=Z", 10);
	img.args = buf_slice(&list);
	redact_image(rule_set_redactor(set), &key, &img, &scratch, &got);
	assert_null(memchr(got.args.p, 'Z', got.args.n));
	assert_true(got.args.n < 64 * 40 + 1000 * 19);
	assert_int_equal(got.args_hidden, UINT64_MAX);
	buf_done(&list);
	rule_set_free(set);
}

/* ---- literals ----------------------------------------------------------- */

static void note_end(void *arg, uint32_t owner, size_t end)
{
	uint64_t *sum = arg;

	*sum += (owner + 1) * 1000 + end;
}

static void every_occurrence_is_found(void **state)
{
	static const char *const texts[] = { "a",  "ab",   "bab",
					     "BA", "abab", "ab" };
	static const char alphabet[] = "abABx";
	struct literal list[6];
	struct literals *l = NULL;
	unsigned round, i, k;
	char s[24];

	(void)state;
	for (i = 0; i < 6; i++)
		list[i] = (struct literal){ slice_str(texts[i]), i };
	assert_int_equal(literals_new(list, 6, &l), 0);
	for (round = 0; round < 20000; round++) {
		uint64_t got = 0, want = 0;

		for (i = 0; i < sizeof(s); i++)
			s[i] = alphabet[chance(&seed, 5)];
		literals_find(l, slice_of(s, sizeof(s)), note_end, &got);
		for (i = 0; i < 6; i++) {
			size_t n = strlen(texts[i]);

			for (k = 0; k + n <= sizeof(s); k++) {
				if (!strncasecmp(s + k, texts[i], n))
					note_end(&want, i, k + n);
			}
		}
		assert_int_equal(got, want);
	}
	literals_free(l);
}

/* ---- sections ----------------------------------------------------------- */

static const struct {
	const char *text;
	unsigned line;
	const char *what;
} bad[] = {
	{ "[redact a]\n[allow b]\nexe = /a\n", 1,
	  "section says of nothing that it is secret" },
	{ "[redact a]\nprogram = x\n", 1,
	  "section says of nothing that it is secret" },
	{ "[redact a]\nenv = X\nprogram = x\n", 1,
	  "'program' goes with 'option' and 'prefix', and there is neither" },
	{ "[redact a]\nenv = X\nuntil = x\n", 1,
	  "'until' goes with 'after' and 'assigned', and there is neither" },
	{ "[redact a]\nexe = /x\n", 2,
	  "unknown key 'exe' in a [redact] section" },
	{ "[redact a]\noption = password\n", 2,
	  "option 'password': an option begins with '-'" },
	{ "[redact a]\nenv = A=b\n", 2, "env 'A=b': a name has no '='" },
	{ "[redact a]\noption = -[\n", 2, "option '-[': '[' without ']'" },
	{ "[redact a]\nafter = \\q\n", 2,
	  "after '\\\\q': escapes are \\\\xNN, \\\\n, \\\\t and \\\\\\\\" },
	{ "[redact a]\nafter = \\x00\n", 2,
	  "after '\\\\x00': no text holds a zero byte" },
	{ "[redact a]\nenv = A\n[redact a]\nenv = B\n", 3,
	  "[redact a] is also at test.ini:1" },
	{ "[redact a]\nenv = A\nowner = x\nowner = y\n", 4,
	  "'owner' is given twice" },
	{ "[redact aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\nenv = A\n", 1,
	  "the name of a [redact] section has at most 32 letters" },
	{ "[redact a]\nurl-password = x\n", 2,
	  "url-password 'x': neither yes nor no" },
};

static void what_is_wrong_is_said_with_its_line(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rule_set *set = NULL;
		struct rule_error err;

		assert_true(rule_set_load_text("test.ini",
					       slice_str(bad[i].text), &options,
					       &set, &err) < 0);
		assert_string_equal(err.what, bad[i].what);
		assert_int_equal(err.line, bad[i].line);
	}
}

static void without_a_section_nothing_is_hidden(void **state)
{
	struct rule_set *set = load("[allow a]\nexe = /a\n");
	char args[] = "x|--password=hunter2|";
	struct image img = image_of("/bin/x", args);
	struct redacted got;

	(void)state;
	assert_null(rule_set_redactor(set));
	redact_image(NULL, &key, &img, &scratch, &got);
	assert_ptr_equal(got.args.p, img.args.p);
	rule_set_free(set);
}

/* ---- rules on what is recorded ------------------------------------------ */

static struct verdict asked(const char *text, const struct image *img)
{
	const struct event ev = { .kind = EVENT_EXEC };
	struct rule_set *set = load(text);
	struct verdict v;

	(void)rule_set_match(set, &ev, img);
	v = rule_set_match(set, &ev, img);
	v.rule = v.rule ? "some" : NULL;
	rule_set_free(set);
	return v;
}

static void a_redacted_string_is_neither_yes_nor_no(void **state)
{
	static char args[] = "x\0--password=<redacted:pw:00>\0-v";
	struct image img = {
		.id = 1,
		.exe.path = slice_str("/bin/x"),
		.args = slice_of(args, sizeof(args)),
		.args_hidden = 2,
		.flags = IMAGE_F_REDACTED,
	};
	struct image child = { .id = 2, .parent = &img };
	struct verdict v;

	(void)state;
	/* By what is not there any more; by what stands there now. */
	v = asked("[deny a]\nargs = --password=hunter2\n", &img);
	assert_null(v.rule);
	assert_true(v.redacted);
	v = asked("[deny a]\nargs = --password=*\n", &img);
	assert_null(v.rule);
	assert_true(v.redacted);
	v = asked("[allow a]\nexe = /bin/x\nnot-args = y\n", &img);
	assert_null(v.rule);
	assert_true(v.redacted);
	/* By what nobody touched. */
	v = asked("[deny a]\nargs = -v\n", &img);
	assert_non_null(v.rule);
	assert_false(v.redacted);
	/* Where something else decides before. */
	v = asked("[deny a]\nexe = /bin/y\nargs = --password=*\n", &img);
	assert_null(v.rule);
	assert_false(v.redacted);
	child.flags = IMAGE_F_REDACTED;
	v = asked("[deny a]\nparent-args = --password=x\n", &child);
	assert_true(v.redacted);
	img.args_hidden = 0;
	img.flags = 0;
	v = asked("[deny a]\nargs = --password=*\n", &img);
	assert_non_null(v.rule);
	assert_false(v.redacted);
}

/*
 * Of a few parts that are secrets in one place and not in another: what one
 * redactor says of one after the other, a new one says of each.
 */
static void what_was_found_before_changes_nothing(void **state)
{
	static const char *const exes[] = { "/bin/x", "/usr/bin/mysql", "" };
	static const char *const words[] = { "x",	    "-phunter2",
					     "--token",	    "--token=",
					     "sshpass",	    "",
					     "A_PASSWORD=", "password=\"y" };
	struct rule_set *set = load(policy), *fresh;
	struct redacted is, want;
	struct image img = { 0 };
	char text[3][64];
	size_t n, i, k;

	(void)state;
	seed = any_seed();
	for (i = 0; i < 3000; i++) {
		struct slice *const lists[] = { &img.args, &img.env,
						&img.script };
		struct buf other = BUF_INIT(REDACT_SCRATCH_MAX);

		img.exe.path = slice_str(exes[chance(&seed, 3)]);
		img.flags = chance(&seed, 4) ? 0 : IMAGE_F_ARGS_TRUNCATED;
		for (k = 0; k < 3; k++) {
			const char *a = words[chance(&seed, 8)];
			const char *b = words[chance(&seed, 8)];

			n = (size_t)snprintf(text[k], sizeof(text[k]), "%s%c%s",
					     a, '\0', b);
			*lists[k] =
				slice_of(text[k], chance(&seed, 3) ? n + 1 : 0);
		}
		redact_image(rule_set_redactor(set), &key, &img, &scratch, &is);
		fresh = load(policy);
		redact_image(rule_set_redactor(fresh), &key, &img, &other,
			     &want);
		assert_int_equal(is.args_hidden, want.args_hidden);
		assert_int_equal(is.env_hidden, want.env_hidden);
		assert_true(slice_eq(is.args, want.args));
		assert_true(slice_eq(is.env, want.env));
		rule_set_free(fresh);
		buf_done(&other);
	}
	rule_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_found_before_changes_nothing),
		cmocka_unit_test(secrets_go_and_the_rest_stays),
		cmocka_unit_test(which_strings_were_touched_is_told),
		cmocka_unit_test(the_environment_is_looked_at_too),
		cmocka_unit_test(
			one_secret_has_one_token_and_only_with_the_key),
		cmocka_unit_test(no_byte_of_a_generated_secret_is_left),
		cmocka_unit_test(whatever_comes_it_ends_soon),
		cmocka_unit_test(many_secrets_are_hidden_with_less_work),
		cmocka_unit_test(every_occurrence_is_found),
		cmocka_unit_test(what_is_wrong_is_said_with_its_line),
		cmocka_unit_test(without_a_section_nothing_is_hidden),
		cmocka_unit_test(a_redacted_string_is_neither_yes_nor_no),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	buf_done(&scratch);
	return r;
}
