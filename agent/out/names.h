/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the numbers of event.proto are called wherever they are shown. Every
 * lookup is total: a number from a newer picket is "unknown". Names are part
 * of the JSON format, so they are for good.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "event.pb-c.h"

const char *name_kind(Picket__V1__Kind k);	   /* exec, exit, connect … */
const char *name_answer(Picket__V1__Answer a);	   /* allowed, denied … */
const char *name_severity(Picket__V1__Severity s); /* low, medium … */
const char *name_operation(Picket__V1__Operation o); /* open, write … */
const char *name_load(Picket__V1__Load__Type t);	     /* library, module, bpf */
const char *name_tamper(Picket__V1__Tamper__Type t); /* signal, ptrace … */
const char *name_resource(uint32_t resource); /* of RLIMIT_…: cpu, fsize … */
const char *name_what(Picket__V1__Agent__What w);    /* started, loss … */
const char *name_stdio(Picket__V1__Stdio__Type t);   /* file, pipe … */
const char *name_backend(uint32_t backend);	     /* tp_btf, cgroup … */

/* What picket says of itself when something was lost or went wrong. */
bool what_is_warning(Picket__V1__Agent__What w);

/* unix, inet, packet …; NULL: none of those known here. */
const char *name_address_family(uint32_t family);
/* tcp, udp …; NULL: none of those known here. Type decides for protocol 0. */
const char *name_protocol(uint32_t protocol, uint32_t type);
/* How a connection attempt ended: "refused" …; NULL: an unusual errno. */
const char *name_outcome(uint32_t error);
/* "SIGTERM", or NULL for one without a name. */
const char *name_signal(uint32_t signo, char buf[static 16]);

const char *name_trust(Picket__V1__Trust t);	/* package, changed … */
const char *name_hash(Picket__V1__Hash h);	/* done, gone … */
/* As a person says it, the package's name to follow where there is one. */
const char *name_trust_said(Picket__V1__Trust t, Picket__V1__Hash h);
