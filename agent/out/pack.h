/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packs protobuf-c messages into the same bytes as the library, in one pass
 * over the library's tables. The library measures each message before packing
 * it, and an inner message once more for each message around it: that was half
 * of the agent's work per event.
 *
 * Supports what event.proto uses: numbers, bytes, strings, messages and lists
 * of them, as proto3 packs them (defaults are left out).
 */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"
#include "out/pbwire.h"

/*
 * Append m to out; check out->failed afterwards. m must have been filled by us,
 * not unpacked: unknown fields are ignored.
 */
void pack_message(struct buf *out, const ProtobufCMessage *m);

/* The same; *ret says where its fields are (none if it is too large). */
void pack_message_runs(struct buf *out, const ProtobufCMessage *m,
		       struct wire_runs *ret);
