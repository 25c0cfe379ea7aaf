/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aho and Corasick's automaton. The one idea: bytes that no text holds are
 * one class, so that the table of transitions is small enough to be a plain
 * array and a step is one load.
 */
#include "rules/literals.h"

#include <errno.h>
#include <stdlib.h>

#define NOTHING UINT16_MAX

struct node {
	uint16_t fail;	   /* the longest ending that begins a text, too */
	uint16_t out;	   /* first text that ends here; NOTHING: none */
	uint16_t next_out; /* the next node on the way of fail that has one */
};

struct literals {
	uint8_t class_of[256];
	unsigned n_classes;
	struct node *nodes;
	uint16_t *step; /* [node * n_classes + class] */
	size_t n_nodes;
	uint32_t *owners;
	uint16_t *same; /* by text: another one that is the same */
};

static unsigned char fold(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

static void make_classes(struct literals *l, const struct literal *list,
			 size_t n)
{
	size_t i, k;

	l->n_classes = 1;
	for (i = 0; i < n; i++) {
		for (k = 0; k < list[i].text.n; k++) {
			unsigned char c = fold(list[i].text.p[k]);

			if (!l->class_of[c])
				l->class_of[c] = (uint8_t)l->n_classes++;
		}
	}
	for (i = 'A'; i <= 'Z'; i++)
		l->class_of[i] = l->class_of[i + 32];
}

static uint16_t *step_of(const struct literals *l, size_t node, unsigned char c)
{
	return &l->step[node * l->n_classes + l->class_of[c]];
}

/* The tree of all texts; 0 is its root, and "not there" as a step. */
static void add_text(struct literals *l, struct slice text, uint16_t which)
{
	uint16_t at = 0, *to;
	size_t k;

	for (k = 0; k < text.n; k++) {
		to = step_of(l, at, fold(text.p[k]));
		if (!*to) {
			l->nodes[l->n_nodes].out = NOTHING;
			*to = (uint16_t)l->n_nodes++;
		}
		at = *to;
	}
	l->same[which] = l->nodes[at].out;
	l->nodes[at].out = which;
}

/* By depth: a node's fail is nearer to the root, so it is whole already. */
static void link_nodes(struct literals *l, uint16_t *queue)
{
	size_t head = 0, tail = 0;
	unsigned c;

	for (c = 0; c < l->n_classes; c++) {
		if (l->step[c])
			queue[tail++] = l->step[c];
	}
	while (head < tail) {
		uint16_t at = queue[head++];
		struct node *n = &l->nodes[at];
		const struct node *f = &l->nodes[n->fail];

		n->next_out = f->out != NOTHING ? n->fail : f->next_out;
		for (c = 0; c < l->n_classes; c++) {
			uint16_t *to = &l->step[at * l->n_classes + c];
			uint16_t fail = l->step[n->fail * l->n_classes + c];

			if (*to) {
				l->nodes[*to].fail = fail;
				queue[tail++] = *to;
			} else {
				*to = fail;
			}
		}
	}
}

int literals_new(const struct literal *list, size_t n, struct literals **ret)
{
	struct literals *l = calloc(1, sizeof(*l));
	uint16_t *queue = NULL;
	size_t i, bytes = 1;

	for (i = 0; i < n; i++)
		bytes += list[i].text.n;
	if (bytes > LITERALS_BYTES_MAX) {
		free(l);
		return -E2BIG;
	}
	if (!l)
		return -ENOMEM;
	make_classes(l, list, n);
	l->nodes = calloc(bytes, sizeof(*l->nodes));
	l->step = calloc(bytes * l->n_classes, sizeof(*l->step));
	l->owners = calloc(n + 1, sizeof(*l->owners));
	l->same = calloc(n + 1, sizeof(*l->same));
	queue = calloc(bytes, sizeof(*queue));
	if (!l->nodes || !l->step || !l->owners || !l->same || !queue) {
		free(queue);
		literals_free(l);
		return -ENOMEM;
	}
	l->n_nodes = 1;
	l->nodes[0].out = NOTHING;
	for (i = 0; i < n; i++) {
		l->owners[i] = list[i].owner;
		add_text(l, list[i].text, (uint16_t)i);
	}
	link_nodes(l, queue);
	free(queue);
	*ret = l;
	return 0;
}

void literals_free(struct literals *l)
{
	if (!l)
		return;
	free(l->nodes);
	free(l->step);
	free(l->owners);
	free(l->same);
	free(l);
}

void literals_find(const struct literals *l, struct slice s, literal_fn fn,
		   void *arg)
{
	uint16_t at = 0, n, text;
	size_t i;

	for (i = 0; i < s.n; i++) {
		at = *step_of(l, at, (unsigned char)s.p[i]);
		n = l->nodes[at].out != NOTHING ? at : l->nodes[at].next_out;
		for (; n; n = l->nodes[n].next_out) {
			text = l->nodes[n].out;
			for (; text != NOTHING; text = l->same[text])
				fn(arg, l->owners[text], i + 1);
		}
	}
}
