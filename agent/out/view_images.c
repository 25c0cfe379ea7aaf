// SPDX-License-Identifier: Apache-2.0
/*
 * The images described in a segment, and the events in it that may still be
 * amended. The one idea: they are kept packed, which is a third of the memory,
 * and unpacked when somebody looks, by an allocator that has a budget.
 */
#include "out/view_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "out/like.h"
#include "out/pbwire.h"

/*
 * What unpacking one payload may take. A full image of 8192 empty strings
 * takes half of it, parse memory included.
 */
#define UNPACK_MAX	   (2u << 20)
/* So no more of one are looked at than those strings and all other fields. */
#define IMAGE_FIELDS_MAX   (8192 + 128)
#define IMAGE_ID	   1
#define IMAGE_STDIO	   44
/* Images of one segment: as many as a segment of ordinary size describes. */
#define IMAGES_MAX	   32768
#define IMAGES_BYTES_MAX   (16u << 20)
/* Images that are kept unpacked from one record to the next. */
#define IMAGES_LIVE_MAX	   512
/* Ancestors that are kept young with a descendant that acts. */
#define TOUCH_MAX	   8
/*
 * Events that an amendment may still name. Twice the span: an event within it
 * is the oldest only of those that came since, and of those that were named
 * since, which are of the span before it.
 */
#define AMENDABLE_MAX	   (2 * VIEW_AMENDABLE_SPAN)
#define AMENDABLE_PATH_MAX 224

/* A description as it came; shared by the images that are told by it. */
struct described {
	uint32_t refs;
	uint32_t n;
	char bytes[];
};

/*
 * As it was described: whole it may take four times the memory, unpacked
 * three times that, and most are looked at once or never. `image` is there
 * from a look on, as long as the entry is in the list of the live.
 */
struct held_image {
	struct described *told;
	struct described *base; /* what it is like; NULL: it is whole */
	Picket__V1__Image *image;
	struct held_image *prev, *next;
};

struct live_images {
	struct held_image *first;
	size_t n;
	struct buf whole; /* of one that is like another */
};

/* ---- memory ------------------------------------------------------------- */

struct budget {
	size_t left;
};

static void *budget_alloc(void *data, size_t n)
{
	struct budget *b = data;

	if (n > b->left)
		return NULL;
	b->left -= n;
	return malloc(n);
}

static void budget_free(void *data, void *p)
{
	(void)data;
	free(p);
}

void *view_unpack(const ProtobufCMessageDescriptor *d, struct slice payload)
{
	struct budget b = { UNPACK_MAX };
	ProtobufCAllocator a = { budget_alloc, budget_free, &b };

	return protobuf_c_message_unpack(d, &a, payload.n,
					 (const uint8_t *)payload.p);
}

void view_free_message(void *m)
{
	protobuf_c_message_free_unpacked(m, NULL);
}

/* ---- images ------------------------------------------------------------- */

static void end_life(struct live_images *live, struct held_image *h)
{
	if (!h->image)
		return;
	if (h->prev)
		h->prev->next = h->next;
	else
		live->first = h->next;
	if (h->next)
		h->next->prev = h->prev;
	live->n--;
	view_free_message(h->image);
	h->image = NULL;
}

/* Whoever was given one of them may have it no longer. */
void view_forget_live(struct view_images *v)
{
	if (v->live->n <= IMAGES_LIVE_MAX)
		return;
	while (v->live->first)
		end_life(v->live, v->live->first);
}

static void unref(struct view_images *v, struct described *d)
{
	if (!d || --d->refs)
		return;
	v->bytes -= d->n;
	free(d);
}

static void drop_image(void *arg, const void *key, void *value)
{
	struct view_images *v = arg;
	struct held_image *h = value;

	(void)key;
	end_life(v->live, h);
	unref(v, h->told);
	unref(v, h->base);
	h->told = h->base = NULL;
}

static void drop_event(void *arg, const void *key, void *value)
{
	struct amendable *m = value;

	(void)arg;
	(void)key;
	free(m->path);
	m->path = NULL;
}

static void drop_oldest(struct view_images *v)
{
	const void *key;
	struct held_image *h = table_oldest(v->images, &key);
	uint64_t id;

	if (!h)
		return;
	memcpy(&id, key, sizeof(id));
	drop_image(v, key, h);
	table_remove(v->images, &id);
}

void view_forget_images(struct view_images *v)
{
	while (table_count(v->images))
		drop_oldest(v);
}

static void forget_events(struct view_images *v)
{
	struct event_name name;
	const void *key;
	void *m;

	while ((m = table_oldest(v->events, &key))) {
		drop_event(v, key, m);
		memcpy(&name, key, sizeof(name));
		table_remove(v->events, &name);
	}
}

int view_images_new_brief(struct view_images **ret)
{
	struct view_images *v;
	int r;

	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->live = calloc(1, sizeof(*v->live));
	r = v->live ? table_new(IMAGES_MAX, sizeof(uint64_t),
				sizeof(struct held_image), &v->images)
		    : -ENOMEM;
	if (r < 0) {
		view_images_free(v);
		return r;
	}
	buf_init(&v->live->whole, JOURNAL_PAYLOAD_MAX);
	table_on_evict(v->images, drop_image, v);
	*ret = v;
	return 0;
}

int view_images_new(struct view_images **ret)
{
	struct view_images *v;
	int r;

	r = view_images_new_brief(&v);
	if (r < 0)
		return r;
	r = table_new(AMENDABLE_MAX, sizeof(struct event_name),
		      sizeof(struct amendable), &v->events);
	if (r < 0) {
		view_images_free(v);
		return r;
	}
	table_on_evict(v->events, drop_event, v);
	*ret = v;
	return 0;
}

void view_images_free(struct view_images *v)
{
	if (!v)
		return;
	if (v->images)
		view_forget_images(v);
	if (v->events)
		forget_events(v);
	table_free(v->images);
	table_free(v->events);
	if (v->live)
		buf_done(&v->live->whole);
	free(v->live);
	free(v);
}

/*
 * Does it look like an image? Most are never shown, so what is deeper in it is
 * judged when it is unpacked: one that cannot be is unknown. *ret_id is 0 where
 * it has none. With what like_read would say.
 */
static bool check_image(struct slice payload, uint64_t *ret_id,
			struct like *ret_like)
{
	unsigned fields = 0, stdio = 0;
	struct wire_field f;
	int r;

	*ret_id = 0;
	*ret_like = (struct like){ 0 };
	while ((r = wire_next(&payload, &f)) > 0) {
		if (++fields > IMAGE_FIELDS_MAX)
			return false;
		if (f.number == IMAGE_ID && f.type == 0)
			*ret_id = f.value;
		like_take(ret_like, &f);
		stdio += f.number == IMAGE_STDIO;
	}
	return r == 0 && stdio <= 3;
}

static struct slice slice_of_told(const struct described *d)
{
	return slice_of(d->bytes, d->n);
}

/* What was told, with all that was left to the base. Good until the next. */
static int complete(const struct held_image *h, struct buf *whole,
		    struct slice *ret)
{
	struct slice told = slice_of_told(h->told);
	struct like like;
	uint64_t id;

	if (h->base) {
		buf_reset(whole);
		if (like_read(told, &like) < 0 ||
		    like_complete(told, &like, slice_of_told(h->base), whole) <
			    0 ||
		    whole->failed)
			return -EBADMSG;
		told = buf_slice(whole);
	}
	*ret = told;
	return check_image(told, &id, &like) && id ? 0 : -EBADMSG;
}

const Picket__V1__Image *view_image(const struct view_images *v, uint64_t id)
{
	struct held_image *h = id ? table_get(v->images, &id) : NULL;
	struct slice whole;

	if (!h || h->image)
		return h ? h->image : NULL;
	if (complete(h, &v->live->whole, &whole) < 0)
		return NULL;
	h->image = view_unpack(&picket__v1__image__descriptor, whole);
	if (!h->image)
		return NULL;
	h->prev = NULL;
	h->next = v->live->first;
	if (h->next)
		h->next->prev = h;
	v->live->first = h;
	v->live->n++;
	return h->image;
}

/* The image, and its line of ancestors made young with it. */
const Picket__V1__Image *view_touch_line(struct view_images *v, uint64_t id)
{
	const Picket__V1__Image *first = view_image(v, id), *i = first;

	for (int n = 0; i && n < TOUCH_MAX; n++)
		i = view_image(v, i->parent_id);
	return first;
}

static struct described *keep(struct view_images *v, struct slice payload)
{
	struct described *d = malloc(sizeof(*d) + payload.n);

	if (!d)
		return NULL;
	d->refs = 1;
	d->n = (uint32_t)payload.n;
	memcpy(d->bytes, payload.p, payload.n);
	v->bytes += d->n;
	return d;
}

/* Takes over the reference to `base`, which may be NULL. */
static int enter(struct view_images *v, uint64_t id, struct slice payload,
		 struct described *base)
{
	struct described *told = keep(v, payload);
	struct held_image *h;
	int made;

	if (!told) {
		unref(v, base);
		return -ENOMEM;
	}
	h = table_put(v->images, &id, &made);
	/* Described again: the agent was restarted and counts anew. */
	if (!made)
		drop_image(v, &id, h);
	h->told = told;
	h->base = base;
	while (v->bytes > IMAGES_BYTES_MAX && table_count(v->images) > 1)
		drop_oldest(v);
	return 0;
}

/* What others are like is whole: nobody follows a chain. */
static int make_whole(struct view_images *v, struct held_image *h)
{
	struct described *told;
	struct slice whole;

	if (!h->base)
		return 0;
	if (complete(h, &v->live->whole, &whole) < 0)
		return -EBADMSG;
	told = keep(v, whole);
	if (!told)
		return -ENOMEM;
	unref(v, h->told);
	unref(v, h->base);
	h->told = told;
	h->base = NULL;
	return 0;
}

/*
 * One that is like another keeps that one's description, whatever comes of
 * that image. Where it is not known (damage, or reading began behind it), half
 * an image would be taken for all of it.
 */
int view_take_description(struct view_images *v, struct slice payload)
{
	struct held_image *base;
	struct like like;
	uint64_t id;
	int r;

	if (!check_image(payload, &id, &like))
		return -EBADMSG;
	if (!like.id)
		return id ? enter(v, id, payload, NULL) : -EBADMSG;
	base = table_get(v->images, &like.id);
	if (!base)
		return 0;
	r = make_whole(v, base);
	if (r < 0)
		return r;
	if (base->told->n > LIKE_BASE_MAX)
		return -EBADMSG;
	base->told->refs++;
	/* A number that is given again is left to the base, too. */
	return enter(v, id ? id : like.id, payload, base->told);
}

/* ---- events that may be amended ------------------------------------------- */

static void remember_path(struct amendable *m, const ProtobufCBinaryData *path)
{
	size_t n = path->len, skip = 0;

	if (n > AMENDABLE_PATH_MAX) {
		skip = n - AMENDABLE_PATH_MAX;
		n = AMENDABLE_PATH_MAX;
	}
	m->path = n ? malloc(n) : NULL;
	/* Without memory it is as a path of which all was cut. */
	m->path_len = m->path ? (uint16_t)n : 0;
	m->path_cut = skip || (n && !m->path);
	/* The end says more than the beginning. */
	if (m->path)
		memcpy(m->path, path->data + skip, n);
}

void view_remember_event(struct view_images *v, const struct view *r)
{
	const Picket__V1__Event *e = r->event;
	struct event_name name = { r->seq, r->epoch };
	struct amendable *m;
	int made;

	bool pending = e->verdict &&
		       e->verdict->answer == PICKET__V1__ANSWER__ANSWER_PENDING;

	if (!v->events || (!e->write && !e->connect && !pending))
		return;
	m = table_put(v->events, &name, &made);
	if (!made)
		drop_event(v, &name, m);
	m->image = e->image;
	m->kind = (uint8_t)e->kind;
	m->alert = e->verdict && e->verdict->alert;
	m->path_len = 0;
	m->path_cut = false;
	if (e->write)
		remember_path(m, &e->write->path->path);
}
