/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where `make install` puts what an administrator edits. The Makefile compiles
 * who includes this for each SYSCONFDIR anew, so nothing else may say /etc.
 */
#pragma once

#ifndef PICKET_SYSCONFDIR
#define PICKET_SYSCONFDIR "/etc"
#endif

#define PLACE_CONFIG PICKET_SYSCONFDIR "/picket/agent.ini"
#define PLACE_POLICY PICKET_SYSCONFDIR "/picket/policy.d"
