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

/*
 * Packed, as it was described: unpacked it takes three times the memory, and
 * most are looked at once or never. `image` is there from a look on, as long
 * as the entry is in the list of the live.
 */
struct held_image {
	char *packed;
	size_t n;
	Picket__V1__Image *image;
	struct held_image *prev, *next;
};

struct live_images {
	struct held_image *first;
	size_t n;
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

static void drop_image(void *arg, const void *key, void *value)
{
	struct view_images *v = arg;
	struct held_image *h = value;

	(void)key;
	end_life(v->live, h);
	v->bytes -= h->n;
	free(h->packed);
	h->packed = NULL;
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
	buf_init(&v->whole, JOURNAL_PAYLOAD_MAX);
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
	free(v->live);
	buf_done(&v->whole);
	free(v);
}

const Picket__V1__Image *view_image(const struct view_images *v, uint64_t id)
{
	struct held_image *h = id ? table_get(v->images, &id) : NULL;

	if (!h || h->image)
		return h ? h->image : NULL;
	h->image = view_unpack(&picket__v1__image__descriptor,
			       slice_of(h->packed, h->n));
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

/*
 * Does it look like an image? Its id, or 0. Most are never shown, so what is
 * deeper in it is judged when it is unpacked: one that cannot be is unknown.
 */
static uint64_t check_image(struct slice payload)
{
	unsigned fields = 0, stdio = 0;
	struct wire_field f;
	uint64_t id = 0;
	int r;

	while ((r = wire_next(&payload, &f)) > 0) {
		if (++fields > IMAGE_FIELDS_MAX)
			return 0;
		if (f.number == IMAGE_ID && f.type == 0)
			id = f.value;
		stdio += f.number == IMAGE_STDIO;
	}
	return r < 0 || stdio > 3 ? 0 : id;
}

static int take_whole(struct view_images *v, struct slice payload)
{
	uint64_t id = check_image(payload);
	struct held_image *h;
	char *packed;
	int made;

	if (!id)
		return -EBADMSG;
	packed = malloc(payload.n);
	if (!packed)
		return -ENOMEM;
	memcpy(packed, payload.p, payload.n);
	h = table_put(v->images, &id, &made);
	if (!made) {
		/* Described again: the agent was restarted and counts anew. */
		drop_image(v, &id, h);
	}
	h->packed = packed;
	h->n = payload.n;
	v->bytes += payload.n;
	while (v->bytes > IMAGES_BYTES_MAX && table_count(v->images) > 1)
		drop_oldest(v);
	return 0;
}

/*
 * 1: *whole is the image with all that it left to one before it. 0: that one
 * is not known (damage, or reading began behind it), and half an image would
 * be taken for all of it.
 */
static int complete(struct view_images *v, struct slice *whole)
{
	struct held_image *base;
	struct like like;

	if (like_read(*whole, &like) < 0)
		return -EBADMSG;
	if (!like.id)
		return 1;
	base = table_get(v->images, &like.id);
	if (!base)
		return 0;
	buf_reset(&v->whole);
	if (like_complete(*whole, &like, slice_of(base->packed, base->n),
			  &v->whole) < 0 ||
	    v->whole.failed)
		return -EBADMSG;
	*whole = buf_slice(&v->whole);
	return 1;
}

int view_take_description(struct view_images *v, struct slice payload)
{
	int k = complete(v, &payload);

	return k <= 0 ? k : take_whole(v, payload);
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
