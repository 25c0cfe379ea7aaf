/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision. Rules stand in the order of their strength (denies by
 * severity, ignores, allows; then by name), so the verdict is the least index
 * that holds. An event is looked up in each index that has rules of its kind;
 * what comes up is asked in full, unless something stronger has been found.
 */
#include "limits.h"
#include "rules/ask.h"

#define NO_RULE UINT32_MAX

struct judging {
	struct question q;
	struct rule_set *set;
	const struct kind_index *ix;
	uint32_t best;	   /* strongest that holds and stands */
	uint32_t n_denies; /* that hold, but may be silenced */
};

static bool is_over(const struct judging *j, const struct rule *rule)
{
	return rule->expires_ns != INT64_MAX &&
	       (int64_t)j->q.ev->time_ns + j->set->offset_ns >=
		       rule->expires_ns;
}

static void consider(struct judging *j, uint32_t i)
{
	struct rule_set *set = j->set;
	const struct rule *rule = &set->rules[i];
	uint32_t e;

	if (set->seen[i] == set->generation)
		return;
	set->seen[i] = set->generation;
	if (i > j->best && !rule->has_excepts)
		return;
	if (is_over(j, rule) || !rule_holds(&j->q, rule))
		return;
	for (e = 0; e < rule->n_excepts; e++)
		set->silenced[set->excepts[rule->first_except + e]] =
			set->generation;
	if (rule->is_excepted)
		set->denies[j->n_denies++] = i;
	else if (i < j->best)
		j->best = i;
}

static bool found_string(void *arg, const struct str_entry *e)
{
	consider(arg, e->owner);
	return false;
}

static bool found_number(void *arg, uint32_t owner)
{
	consider(arg, owner);
	return false;
}

/* ---- looking up -------------------------------------------------------------- */

static void find_string(struct judging *j, enum dim d, struct slice s)
{
	if (s.n)
		(void)str_index_visit(j->ix->strings[d], s, found_string, j);
}

/* By every name that ask.c may go by. */
static void find_file(struct judging *j, enum dim d, const struct file_path *f)
{
	bool cut = path_is_cut(f);

	find_string(j, d, cut ? path_end(f->path) : f->path);
	if (f->host_path.n)
		find_string(j, d, cut ? path_end(f->host_path) : f->host_path);
}

static void find_user(struct judging *j)
{
	const struct user_entry *u = j->ix->users;
	uint32_t lo = 0, hi = j->ix->n_users, mid, id = j->q.ev->actor.euid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (u[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < j->ix->n_users && u[lo].id == id; lo++)
		consider(j, u[lo].rule);
}

static void find_dest(struct judging *j)
{
	struct cidr addr;

	if (!cidr_of_addr(&j->q.ev->connect.addr, &addr))
		return;
	(void)trie_visit(addr.v6 ? &j->ix->dest.v6 : &j->ix->dest.v4, addr.bits,
			 found_number, j);
}

static void find_args(struct judging *j, struct slice args)
{
	struct slice arg;

	while (next_string(&args, &arg))
		(void)str_index_visit(j->ix->strings[DIM_ARGS], arg,
				      found_string, j);
}

static void find_ancestors(struct judging *j)
{
	const struct image *img = image_before(j->q.img);
	unsigned n;

	for (n = 0; img && n < PICKET_ANCESTORS_MAX; n++) {
		find_file(j, DIM_ANCESTOR, &img->exe);
		img = image_before(img);
	}
}

static void find_in_event(struct judging *j)
{
	const struct event *ev = j->q.ev;
	uint32_t dims = j->ix->dims;

	if (dims & 1u << DIM_PATH) {
		find_file(j, DIM_PATH, &ev->write.path);
		if (ev->write.new_path.path.n)
			find_file(j, DIM_PATH, &ev->write.new_path);
	}
	if (dims & 1u << DIM_DEST)
		find_dest(j);
	if (dims & 1u << DIM_PORT)
		(void)trie_visit(&j->ix->port, key_bits_of16(ev->connect.port),
				 found_number, j);
	if (dims & 1u << DIM_USER)
		find_user(j);
}

static void find_in_image(struct judging *j)
{
	const struct image *img = j->q.img;
	uint32_t dims = j->ix->dims;

	if (dims & 1u << DIM_EXE)
		find_file(j, DIM_EXE, &img->exe);
	if (dims & 1u << DIM_SCRIPT)
		find_string(j, DIM_SCRIPT, img->script);
	if (dims & 1u << DIM_CONTAINER)
		find_string(j, DIM_CONTAINER, img->container);
	if (dims & 1u << DIM_UNIT)
		find_string(j, DIM_UNIT, img->unit);
	if (dims & 1u << DIM_CGROUP)
		find_string(j, DIM_CGROUP, img->cgroup);
	if ((dims & 1u << DIM_PARENT) && img->parent)
		find_file(j, DIM_PARENT, &img->parent->exe);
	if (dims & 1u << DIM_ARGS)
		find_args(j, img->args);
	if (dims & 1u << DIM_ANCESTOR)
		find_ancestors(j);
}

/* ---- the verdict ----------------------------------------------------------------- */

static struct verdict unlisted(const struct rule_set *set, enum event_kind kind)
{
	switch (set->opt.unlisted[kind]) {
	case UNLISTED_ALERT:
		return (struct verdict){ .answer = ANSWER_UNLISTED,
					 .severity = SEVERITY_MEDIUM,
					 .alert = true };
	case UNLISTED_DROP:
		return (struct verdict){ .answer = ANSWER_IGNORED };
	case UNLISTED_RECORD:
		break;
	}
	return (struct verdict){ .answer = ANSWER_UNLISTED };
}

static struct verdict verdict_of(const struct rule *rule)
{
	static const enum answer answers[ACTION_COUNT] = {
		[ACTION_DENY] = ANSWER_DENIED,
		[ACTION_IGNORE] = ANSWER_IGNORED,
		[ACTION_ALLOW] = ANSWER_ALLOWED,
	};

	return (struct verdict){
		.answer = answers[rule->action],
		.severity = (enum severity)rule->severity,
		.alert = rule->action == ACTION_DENY,
		.rule = rule->name,
		.tag = rule->tag,
	};
}

static void next_generation(struct rule_set *set)
{
	if (++set->generation)
		return;
	/* Once in four billion events the old marks would look new. */
	memset(set->seen, 0, set->n_rules * sizeof(*set->seen));
	memset(set->silenced, 0, set->n_rules * sizeof(*set->silenced));
	set->generation = 1;
}

struct verdict rule_set_match(struct rule_set *set, const struct event *ev,
			      const struct image *img)
{
	struct judging j = {
		.q = { .set = set, .ev = ev, .img = img },
		.set = set,
		.best = NO_RULE,
	};
	struct rule *rule;
	uint32_t i;

	if (ev->kind != EVENT_EXEC && ev->kind != EVENT_CONNECT &&
	    ev->kind != EVENT_WRITE)
		return (struct verdict){ .answer = ANSWER_NONE };
	j.ix = &set->kind[ev->kind];
	next_generation(set);
	for (i = 0; i < j.ix->n_always; i++)
		consider(&j, j.ix->always[i]);
	find_in_event(&j);
	if (img)
		find_in_image(&j);
	for (i = 0; i < j.n_denies; i++) {
		if (set->denies[i] < j.best &&
		    set->silenced[set->denies[i]] != set->generation)
			j.best = set->denies[i];
	}
	if (j.best == NO_RULE)
		return unlisted(set, ev->kind);
	rule = &set->rules[j.best];
	rule->hits++;
	rule->last_hit_ns = ev->time_ns;
	return verdict_of(rule);
}
