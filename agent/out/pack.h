/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf-c's messages -> bytes, the same ones that the library makes. Its
 * own way measures a message before it packs it, and each message within once
 * more for every one round it: that was half of what the agent did for an
 * event. Here it is done in one pass, by the library's tables.
 *
 * For what event.proto has: numbers, bytes, strings, messages, and lists of
 * them, as proto3 packs them (what equals a default is left out).
 */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"

/*
 * Append m to out, which says whether that failed. m is one that was filled
 * here, not one that was read: nothing unknown is in it.
 */
void pack_message(struct buf *out, const ProtobufCMessage *m);

/* One field of m, if it is there; s is of the plan for m (out/pack_plan.h). */
struct pack_step;
void pack_field(struct buf *out, const struct pack_step *s,
		const ProtobufCMessage *m);
