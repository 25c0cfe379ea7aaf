// SPDX-License-Identifier: Apache-2.0
#include "cmd/incident_sum.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct keyed {
	const char *key;
	const struct incident_record *rec;
};

const char *incident_destination(const struct incident_record *rec)
{
	return rec->kind == PICKET__V1__KIND__KIND_CONNECT ? rec->what : NULL;
}

const char *incident_file(const struct incident_record *rec)
{
	return *rec->object ? rec->object : NULL;
}

const char *incident_rule(const struct incident_record *rec)
{
	if (rec->answer == PICKET__V1__ANSWER__ANSWER_NONE)
		return NULL;
	return rec->rule;
}

static int by_key(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	int r = strcmp(x->key, y->key);

	/* Records lie in their order. */
	return r ? r : (x->rec > y->rec) - (x->rec < y->rec);
}

static int by_weight(const void *a, const void *b)
{
	const struct incident_sum *x = a, *y = b;

	if (x->worst != y->worst)
		return x->worst < y->worst ? 1 : -1;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->key, y->key);
}

static void add(struct incident_sum *sum, const struct incident_record *rec)
{
	sum->last = rec;
	/* A write's own count has its repeats in it. */
	sum->count += rec->count ? rec->count : 1;
	sum->bytes += rec->bytes;
	if (!rec->alert)
		return;
	sum->alerts++;
	if (rec->severity > sum->worst)
		sum->worst = rec->severity;
}

static size_t collapse(const struct keyed *keyed, size_t n,
		       struct incident_sum *sums)
{
	size_t i, k = 0;

	for (i = 0; i < n; i++) {
		if (!k || strcmp(sums[k - 1].key, keyed[i].key) != 0)
			sums[k++] = (struct incident_sum){
				.key = keyed[i].key,
				.first = keyed[i].rec,
			};
		add(&sums[k - 1], keyed[i].rec);
	}
	qsort(sums, k, sizeof(*sums), by_weight);
	return k;
}

int incident_sums(const struct incident *in, incident_key key,
		  struct incident_sum **ret, size_t *ret_n)
{
	struct keyed *keyed = calloc(in->n + 1, sizeof(*keyed));
	struct incident_sum *sums = calloc(in->n + 1, sizeof(*sums));
	size_t i, n = 0;

	if (!keyed || !sums) {
		free(keyed);
		free(sums);
		return -ENOMEM;
	}
	for (i = 0; i < in->n; i++) {
		keyed[n].key = key(&in->records[i]);
		keyed[n].rec = &in->records[i];
		n += keyed[n].key != NULL;
	}
	qsort(keyed, n, sizeof(*keyed), by_key);
	*ret_n = collapse(keyed, n, sums);
	*ret = sums;
	free(keyed);
	return 0;
}
