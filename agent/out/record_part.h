/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of record.h (record.c and record_*.c) share; nobody else
 * includes this. Filled messages borrow every byte from what they are made of,
 * which must stay until they are packed.
 */
#pragma once

#include "base/buf.h"
#include "event.h"
#include "event.pb-c.h"

/*
 * protobuf-c wants to write through what it only ever reads while packing;
 * the detour by an integer says that this is meant.
 */
static inline ProtobufCBinaryData record_bytes(struct slice s)
{
	return (ProtobufCBinaryData){ s.n, (uint8_t *)(uintptr_t)s.p };
}

/* Fill *m; false: there is nothing to say, leave the member out. */
bool record_fill_path(Picket__V1__Path *m, const struct file_path *p);

/* Fill *m; false as above. Times only where the file is not being changed. */
bool record_fill_file(Picket__V1__File *m, const struct file_id *f,
		      bool with_times);

void record_fill_address(Picket__V1__Address *m, const struct ip_addr *a,
			 uint16_t port);

/* Room for the member of Event that says what was done, and all below it. */
union record_act {
	Picket__V1__Exec exec;
	Picket__V1__Exit exit;
	struct {
		Picket__V1__Connect connect;
		Picket__V1__Address peer;
		Picket__V1__Vsock peer_vsock;
	};
	struct {
		Picket__V1__Listen listen;
		Picket__V1__Address local;
		Picket__V1__Vsock local_vsock;
	};
	struct {
		Picket__V1__Write write;
		Picket__V1__Path path, new_path;
		Picket__V1__File file;
	};
	struct {
		Picket__V1__Load load;
		Picket__V1__Path load_path;
		Picket__V1__File load_file;
	};
	struct {
		Picket__V1__Tamper tamper;
		Picket__V1__Tamper__Limit limit, before;
	};
};
/* Point m at what *a is filled with; both must stay until m is packed. */
void record_fill_act(Picket__V1__Event *m, union record_act *a,
		     const struct event *ev);

Picket__V1__Kind record_kind(enum event_kind kind);

/* Fill *m; false: nothing was found out. */
bool record_fill_finding(Picket__V1__Finding *m, const struct file_facts *f);

/* Where a string that is not UTF-8 is mended. */
#define RECORD_STRING_MAX 256
struct mended {
	char s[RECORD_STRING_MAX];
};
/* s if it is UTF-8, else a copy with '?' for each byte that is not. */
char *record_string(const char *s, struct mended *m);

/* Strings are borrowed from v, or mended in the other two. */
void record_fill_verdict(Picket__V1__Verdict *m, const struct verdict *v,
			 struct mended *rule, struct mended *tag);
