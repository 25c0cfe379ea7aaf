/* SPDX-License-Identifier: Apache-2.0 */
/* The generated skeleton, which does not keep to our warnings. */
#pragma once

#include "wire.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "picket.skel.h"
#pragma GCC diagnostic pop
