/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision. Rules stand in the order of their strength (denies by
 * severity, ignores, allows; then by name), so the verdict is the least index
 * that holds. An event is looked up in each index that has rules of its kind;
 * what comes up is asked in full, unless something stronger has been found.
 * What an image's program and ancestors bring up is remembered by image.
 */
#include "limits.h"
#include "rules/ask.h"

#define NO_RULE UINT32_MAX

struct judging {
	struct question q;
	struct rule_set *set;
	const struct kind_index *ix;
	uint32_t best;		 /* strongest that holds and stands */
	uint32_t n_denies;	 /* that hold, but may be silenced */
	uint32_t n_maybes;	 /* that hold if what is awaited is so */
	struct image_memo *memo; /* being written */
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
	struct rule *rule = &set->rules[i];
	enum tri t;
	uint32_t e;

	if (rule->seen == set->generation)
		return;
	rule->seen = set->generation;
	if (i > j->best && !rule->has_excepts)
		return;
	if (is_over(j, rule))
		return;
	t = rule_holds(&j->q, rule);
	if (t == TRI_PENDING)
		set->maybes[j->n_maybes++] = i;
	if (t != TRI_YES)
		return;
	for (e = 0; e < rule->n_excepts; e++)
		set->silenced[set->excepts[rule->first_except + e]] =
			set->generation;
	if (rule->is_excepted)
		set->denies[j->n_denies++] = i;
	else if (i < j->best)
		j->best = i;
}

/* Found by the image: note it for the next event, if it can ever hold. */
static void note(struct judging *j, uint32_t i)
{
	struct image_memo *m = j->memo;
	uint32_t k;

	for (k = 0; k < m->n && k < MEMO_RULES; k++) {
		if (m->rules[k] == i)
			return;
	}
	if (!rule_fits_image(&j->q, &j->set->rules[i]))
		return;
	if (m->n < MEMO_RULES)
		m->rules[m->n] = i;
	m->n++;
	consider(j, i);
}

static bool found_string(void *arg, const struct str_entry *e)
{
	struct judging *j = arg;

	/* All needed next, and each likely to be a miss of its own. */
	__builtin_prefetch(&j->set->rules[e->owner]);
	__builtin_prefetch(&j->set->conds[e->hint]);
	__builtin_prefetch(&j->set->conds[e->hint + 2]);
	__builtin_prefetch(e->pattern);
	__builtin_prefetch((const char *)e->pattern + 64);
	if (j->memo)
		note(j, e->owner);
	else
		consider(j, e->owner);
	return false;
}

static bool found_number(void *arg, uint32_t owner)
{
	consider(arg, owner);
	return false;
}

/* ---- looking up --------------------------------------------------------- */

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

	if (!cidr_of_addr(&event_end(j->q.ev)->addr, &addr))
		return;
	(void)trie_visit(addr.v6 ? &j->ix->dest.v6 : &j->ix->dest.v4, addr.bits,
			 found_number, j);
}

/* Of what is redacted anything may have been there. */
static void find_args(struct judging *j, const struct image *img)
{
	struct slice args = img->args, arg;

	if (img->args_hidden) {
		(void)str_index_each(j->ix->strings[DIM_ARGS], found_string, j);
		return;
	}
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

static void find_paths(struct judging *j)
{
	const struct event *ev = j->q.ev;

	if (ev->kind == EVENT_LOAD) {
		find_file(j, DIM_PATH, &ev->load.path);
		return;
	}
	find_file(j, DIM_PATH, &ev->write.path);
	if (ev->write.new_path.path.n)
		find_file(j, DIM_PATH, &ev->write.new_path);
}

static void find_socket(struct judging *j)
{
	char name[SOCKET_NAME_MAX];

	find_string(j, DIM_SOCKET, socket_name(event_end(j->q.ev), name));
}

static void find_in_event(struct judging *j)
{
	const struct event *ev = j->q.ev;
	uint32_t dims = j->ix->dims;

	if (dims & 1u << DIM_PATH)
		find_paths(j);
	if (dims & 1u << DIM_SOCKET)
		find_socket(j);
	if (dims & 1u << DIM_DEST)
		find_dest(j);
	if (dims & 1u << DIM_PORT)
		(void)trie_visit(&j->ix->port,
				 key_bits_of16(event_end(ev)->port),
				 found_number, j);
	if (dims & 1u << DIM_USER)
		find_user(j);
}

#define DIMS_OF_IMAGE                                             \
	(1u << DIM_EXE | 1u << DIM_SCRIPT | 1u << DIM_CONTAINER | \
	 1u << DIM_POD | 1u << DIM_IMAGE | 1u << DIM_NAMESPACE |  \
	 1u << DIM_UNIT | 1u << DIM_CGROUP | 1u << DIM_PARENT |   \
	 1u << DIM_ARGS | 1u << DIM_ANCESTOR)

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
	if (dims & 1u << DIM_POD)
		find_string(j, DIM_POD, img->pod);
	if (dims & 1u << DIM_IMAGE)
		find_string(j, DIM_IMAGE, img->container_image);
	if (dims & 1u << DIM_NAMESPACE)
		find_string(j, DIM_NAMESPACE, img->pod_namespace);
	if (dims & 1u << DIM_UNIT)
		find_string(j, DIM_UNIT, img->unit);
	if (dims & 1u << DIM_CGROUP)
		find_string(j, DIM_CGROUP, img->cgroup);
	if ((dims & 1u << DIM_PARENT) && img->parent)
		find_file(j, DIM_PARENT, &img->parent->exe);
	if (dims & 1u << DIM_ARGS)
		find_args(j, img);
	if (dims & 1u << DIM_ANCESTOR)
		find_ancestors(j);
}

static struct image_memo memo_of(const struct image *img)
{
	return (struct image_memo){
		.image = img->id,
		.cgroup_id = img->cgroup_id,
		.unit = img->unit.p,
		.container = img->container.p,
		.pod = img->pod.p,
		.of_image = img->container_image.p,
		.cgroup = img->cgroup.p,
		.host_path = img->exe.host_path.p,
		.parent = img->parent,
		.prev = img->prev,
	};
}

static bool same_memo(const struct image_memo *a, const struct image_memo *b)
{
	return a->image == b->image && a->cgroup_id == b->cgroup_id &&
	       a->unit == b->unit && a->container == b->container &&
	       a->pod == b->pod && a->of_image == b->of_image &&
	       a->cgroup == b->cgroup && a->host_path == b->host_path &&
	       a->parent == b->parent && a->prev == b->prev;
}

/* As find_in_image, but from memory where this image was here before. */
static void find_by_image(struct judging *j)
{
	const struct image *img = j->q.img;
	struct image_memo want, *m;
	uint32_t i;

	/* What hangs on redacted strings is to be said each time. */
	if (!img->id || (img->flags & (IMAGE_F_UNKNOWN | IMAGE_F_REDACTED))) {
		find_in_image(j);
		return;
	}
	want = memo_of(img);
	m = &j->ix->memos[img->id % MEMO_IMAGES];
	if (same_memo(m, &want)) {
		for (i = 0; i < m->n; i++)
			consider(j, m->rules[i]);
		return;
	}
	*m = want;
	j->memo = m;
	find_in_image(j);
	j->memo = NULL;
	/* Too many to remember: next time the index is asked again. */
	if (m->n > MEMO_RULES)
		m->image = 0;
}

/* ---- the verdict -------------------------------------------------------- */

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

static struct verdict verdict_of(const struct rule_set *set,
				 const struct rule *rule)
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
		.rule_at = (uint32_t)(rule - set->rules),
		.tag = rule->tag,
	};
}

static void next_generation(struct rule_set *set)
{
	if (++set->generation)
		return;
	/* Once in four billion events the old marks would look new. */
	for (uint32_t i = 0; i < set->n_rules; i++)
		set->rules[i].seen = 0;
	memset(set->silenced, 0, set->n_rules * sizeof(*set->silenced));
	set->generation = 1;
}

/* Would the verdict be another one, if this rule held? */
static bool would_decide(const struct judging *j, uint32_t i)
{
	const struct rule_set *set = j->set;
	const struct rule *rule = &set->rules[i];
	uint32_t e;

	/* An alert that is certain does not wait for a graver one. */
	if (j->best != NO_RULE && rule->action == ACTION_DENY &&
	    set->rules[j->best].action == ACTION_DENY)
		return false;
	for (e = 0; e < rule->n_excepts && j->best != NO_RULE; e++) {
		if (set->excepts[rule->first_except + e] == j->best)
			return true;
	}
	return i < j->best &&
	       !(rule->is_excepted && set->silenced[i] == set->generation);
}

/* Does what is not known yet decide? Then it is wanted. */
static bool is_pending(struct judging *j)
{
	struct rule_set *set = j->set;
	bool any = false;
	uint32_t i;

	for (i = 0; i < j->n_maybes; i++) {
		if (!would_decide(j, set->maybes[i]))
			continue;
		any = true;
		rule_note_wants(&j->q, &set->rules[set->maybes[i]],
				&set->wants);
	}
	return any;
}

struct verdict rule_set_match(struct rule_set *set, const struct event *ev,
			      const struct image *img)
{
	bool redacted = false;
	struct judging j = {
		.q = { .set = set,
		       .ev = ev,
		       .img = img,
		       .ret_redacted = &redacted },
		.set = set,
		.best = NO_RULE,
	};
	struct verdict v;
	struct rule *rule;
	uint32_t i;

	if (!(RULE_KINDS >> ev->kind & 1))
		return (struct verdict){ .answer = ANSWER_NONE };
	j.ix = &set->kind[ev->kind];
	next_generation(set);
	for (i = 0; i < j.ix->n_always; i++)
		consider(&j, j.ix->always[i]);
	find_in_event(&j);
	if (img && (j.ix->dims & DIMS_OF_IMAGE))
		find_by_image(&j);
	for (i = 0; i < j.n_denies; i++) {
		if (set->denies[i] < j.best &&
		    set->silenced[set->denies[i]] != set->generation)
			j.best = set->denies[i];
	}
	set->wants.n = 0;
	if (j.n_maybes && is_pending(&j)) {
		v = (struct verdict){ .answer = ANSWER_PENDING };
	} else if (j.best == NO_RULE) {
		v = unlisted(set, ev->kind);
	} else {
		rule = &set->rules[j.best];
		rule->hits++;
		rule->last_hit_ns = ev->time_ns;
		v = verdict_of(set, rule);
	}
	v.redacted = redacted;
	return v;
}

const struct rule_wants *rule_set_wants(const struct rule_set *set)
{
	return &set->wants;
}
