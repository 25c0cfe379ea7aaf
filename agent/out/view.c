// SPDX-License-Identifier: Apache-2.0
/*
 * Journal frames -> records that a reader can use.
 *
 * The idea: a segment stands alone, so what is remembered of it is one table
 * of the images described in it, forgotten as a whole when the next segment
 * begins. Payload is hostile: it is unpacked with an allocator that has a
 * budget, and what text, JSON and the shipper take for granted is checked
 * once, here.
 */
#include "out/view.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/table.h"

/*
 * What unpacking one payload may take. A full image of 8192 empty strings
 * takes half of it, parse memory included.
 */
#define UNPACK_MAX	   (2u << 20)
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

struct amendable {
	uint64_t image;
	uint16_t path_len;
	uint8_t kind;
	bool alert;
	bool path_cut;
	char *path;
};

struct event_name {
	uint64_t seq;
	uint64_t epoch;
};

struct view_images {
	struct table *images; /* id -> struct held_image */
	struct live_images *live;
	struct table *events; /* struct event_name -> struct amendable */
	size_t bytes;
	uint64_t segment;
	uint8_t journal[16];
	bool begun;
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

/*
 * The message, to be freed with protobuf_c_message_free_unpacked(m, NULL), or
 * NULL. *ret_bytes: what it took, with what parsing needed on the way.
 */
static void *unpack(const ProtobufCMessageDescriptor *d, struct slice payload,
		    size_t *ret_bytes)
{
	struct budget b = { UNPACK_MAX };
	ProtobufCAllocator a = { budget_alloc, budget_free, &b };
	void *m;

	m = protobuf_c_message_unpack(d, &a, payload.n,
				      (const uint8_t *)payload.p);
	if (m)
		*ret_bytes = UNPACK_MAX - b.left;
	return m;
}

static void free_message(void *m)
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
	free_message(h->image);
	h->image = NULL;
}

/* Whoever was given one of them may have it no longer. */
static void forget_live(struct view_images *v)
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

static void forget_images(struct view_images *v)
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

int view_images_new(struct view_images **ret)
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
	if (r >= 0)
		r = table_new(AMENDABLE_MAX, sizeof(struct event_name),
			      sizeof(struct amendable), &v->events);
	if (r < 0) {
		view_images_free(v);
		return r;
	}
	table_on_evict(v->images, drop_image, v);
	table_on_evict(v->events, drop_event, v);
	*ret = v;
	return 0;
}

void view_images_free(struct view_images *v)
{
	if (!v)
		return;
	if (v->images)
		forget_images(v);
	if (v->events)
		forget_events(v);
	table_free(v->images);
	table_free(v->events);
	free(v->live);
	free(v);
}

const Picket__V1__Image *view_image(const struct view_images *v, uint64_t id)
{
	struct held_image *h = id ? table_get(v->images, &id) : NULL;
	size_t bytes;

	if (!h || h->image)
		return h ? h->image : NULL;
	h->image = unpack(&picket__v1__image__descriptor,
			  slice_of(h->packed, h->n), &bytes);
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
static const Picket__V1__Image *touch_line(struct view_images *v, uint64_t id)
{
	const Picket__V1__Image *first = view_image(v, id), *i = first;

	for (int n = 0; i && n < TOUCH_MAX; n++)
		i = view_image(v, i->parent_id);
	return first;
}

/* Is it an image? Its id, or 0. */
static uint64_t check_image(struct slice payload)
{
	Picket__V1__Image *img;
	uint64_t id = 0;
	size_t bytes;

	img = unpack(&picket__v1__image__descriptor, payload, &bytes);
	if (img && img->n_stdio <= 3)
		id = img->id;
	free_message(img);
	return id;
}

static int take_description(struct view_images *v, struct slice payload)
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

/* ---- checks ------------------------------------------------------------- */

static bool address_fits(const Picket__V1__Address *a)
{
	return a && (a->ip.len == 4 || a->ip.len == 16) && a->port <= 65535;
}

/* An end of a socket: by an address, or by its family without one. */
static bool end_fits(const Picket__V1__Address *a, uint32_t family)
{
	return a ? address_fits(a) : family != 0;
}

/* Its own member, with what belongs to that, and no other kind's. */
static bool event_fits(const Picket__V1__Event *e)
{
	int members = !!e->exec + !!e->exit + !!e->connect + !!e->write +
		      !!e->agent + !!e->listen + !!e->load + !!e->tamper;

	switch (e->kind) {
	case PICKET__V1__KIND__KIND_EXEC:
		return members == 1 && e->exec;
	case PICKET__V1__KIND__KIND_EXIT:
		return members == 1 && e->exit;
	case PICKET__V1__KIND__KIND_CONNECT:
		return members == 1 && e->connect &&
		       end_fits(e->connect->peer, e->connect->family);
	case PICKET__V1__KIND__KIND_LISTEN:
		return members == 1 && e->listen &&
		       end_fits(e->listen->local, e->listen->family);
	case PICKET__V1__KIND__KIND_LOAD:
		return members == 1 && e->load;
	case PICKET__V1__KIND__KIND_TAMPER:
		return members == 1 && e->tamper;
	case PICKET__V1__KIND__KIND_WRITE:
		return members == 1 && e->write && e->write->path;
	case PICKET__V1__KIND__KIND_AGENT:
		return members == 1 && e->agent;
	case PICKET__V1__KIND__KIND_UNSPECIFIED:
	case _PICKET__V1__KIND_IS_INT_SIZE:
		return false;
	}
	return members == 0; /* of a newer picket: nothing known here */
}

static bool amendment_fits(const Picket__V1__Amendment *a)
{
	if (a->connect)
		return !a->write && address_fits(a->connect->local) &&
		       address_fits(a->connect->peer);
	return true;
}

/* ---- records ------------------------------------------------------------ */

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

static void remember_event(struct view_images *v, const struct view *r)
{
	const Picket__V1__Event *e = r->event;
	struct event_name name = { r->seq, r->epoch };
	struct amendable *m;
	int made;

	if (!e->write && !e->connect)
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

static int take_event(struct view_images *v, struct slice payload,
		      struct view *r)
{
	size_t bytes;

	r->event = unpack(&picket__v1__event__descriptor, payload, &bytes);
	if (!r->event || !event_fits(r->event))
		return -EBADMSG;
	r->image = touch_line(v, r->event->image);
	remember_event(v, r);
	return 1;
}

static int take_amendment(struct view_images *v, struct slice payload,
			  struct view *r)
{
	struct event_name name = { 0 };
	const struct amendable *m = NULL;
	size_t bytes;

	r->amendment =
		unpack(&picket__v1__amendment__descriptor, payload, &bytes);
	if (!r->amendment || !amendment_fits(r->amendment))
		return -EBADMSG;
	name.seq = r->amendment->seq;
	name.epoch = r->amendment->epoch;
	/* By distance and not by what is held: see VIEW_AMENDABLE_SPAN. */
	if (name.seq < r->seq && r->seq - name.seq < VIEW_AMENDABLE_SPAN)
		m = table_get(v->events, &name);
	if (m) {
		r->image = touch_line(v, m->image);
		r->amended = (struct view_amended){
			.known = true,
			.alert = m->alert,
			.kind = (Picket__V1__Kind)m->kind,
			.path = slice_of(m->path, m->path_len),
			.path_cut = m->path_cut,
		};
	}
	return 1;
}

/* Why: the payload is the journal's own struct, not protobuf. */
static const char *gap_reason(const struct reader_frame *frame)
{
	static const char *const reasons[] = {
		[JOURNAL_GAP_OVERFLOW] = "journal buffer full",
		[JOURNAL_GAP_TRIMMED] = "trimmed",
		[JOURNAL_GAP_DAMAGED] = "damaged",
	};
	struct journal_gap gap = { 0 };

	if (frame->payload.n >= sizeof(gap))
		memcpy(&gap, frame->payload.p, sizeof(gap));
	if (gap.reason < sizeof(reasons) / sizeof(*reasons) &&
	    reasons[gap.reason])
		return reasons[gap.reason];
	return "unknown";
}

static int take_gap(const struct reader_frame *frame, struct view *r)
{
	if (frame->seq_end <= frame->seq)
		return -EBADMSG;
	r->gap = malloc(sizeof(*r->gap));
	if (!r->gap)
		return -ENOMEM;
	picket__v1__gap__init(r->gap);
	r->gap->first_seq = frame->seq;
	r->gap->count = frame->seq_end - frame->seq;
	r->gap->reason = strdup(gap_reason(frame));
	return r->gap->reason ? 1 : -ENOMEM;
}

static void enter_segment(struct view_images *v, const uint8_t *journal_id,
			  uint64_t segment)
{
	if (v->begun && v->segment == segment &&
	    !memcmp(v->journal, journal_id, sizeof(v->journal)))
		return;
	forget_images(v);
	v->begun = true;
	v->segment = segment;
	memcpy(v->journal, journal_id, sizeof(v->journal));
}

/* The next run numbers its images anew, in the same segment maybe. */
static void take_seal(struct view_images *v, struct slice payload)
{
	struct journal_seal seal = { 0 };

	if (payload.n < JOURNAL_SEAL_LEAST)
		return;
	memcpy(&seal, payload.p, JOURNAL_SEAL_LEAST);
	if (seal.flags & JOURNAL_SEAL_CLEAN)
		forget_images(v);
}

int view_take(struct view_images *v, const uint8_t *journal_id,
	      const struct reader_frame *frame, struct view *ret)
{
	struct view r = {
		.epoch = frame->epoch,
		.seq = frame->seq,
		.seq_end = frame->seq_end,
		.missing = frame->flags & READER_MISSING,
		.wall_ns = frame->wall_ns,
	};
	int k;

	forget_live(v);
	/* A gap that the reader made is in no segment. */
	if (!r.missing)
		enter_segment(v, journal_id, frame->segment);
	memcpy(r.journal, journal_id, sizeof(r.journal));
	switch (frame->type) {
	case JOURNAL_DESCRIPTION:
		return take_description(v, frame->payload);
	case JOURNAL_EVENT:
		k = take_event(v, frame->payload, &r);
		break;
	case JOURNAL_AMENDMENT:
		k = take_amendment(v, frame->payload, &r);
		break;
	case JOURNAL_GAP:
		k = take_gap(frame, &r);
		break;
	case JOURNAL_SEAL:
		take_seal(v, frame->payload);
		return 0;
	default:
		return 0;
	}
	if (k < 0) {
		view_done(&r);
		return k;
	}
	*ret = r;
	return 1;
}

void view_done(struct view *v)
{
	free_message(v->event);
	free_message(v->amendment);
	free_message(v->gap);
	v->event = NULL;
	v->amendment = NULL;
	v->gap = NULL;
}

static char *add_hex(char *at, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*at++ = digits[p[i] >> 4];
		*at++ = digits[p[i] & 15];
	}
	return at;
}

static char *add_number(char *at, char mark, uint64_t v)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	*at++ = mark;
	memcpy(at, digits + n, sizeof(digits) - n);
	return at + sizeof(digits) - n;
}

/* By hand: every record that is shipped or printed as JSON has one. */
const char *view_uid(const struct view *v, char buf[static VIEW_UID_MAX])
{
	char *at = add_hex(buf, v->journal, sizeof(v->journal));

	at = add_number(at, '.', v->epoch);
	at = add_number(at, '.', v->seq);
	if (v->missing)
		at = add_number(at, '-',
				v->seq_end > v->seq ? v->seq_end - 1 : v->seq);
	*at = '\0';
	return buf;
}
