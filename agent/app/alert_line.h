/* SPDX-License-Identifier: Apache-2.0 */
/* An alert as a line of the service's log, without the newline. */
#pragma once

#include "base/buf.h"
#include "out/view.h"

/*
 * "picket: high alert: sshd→bash→curl[4711] exec /tmp/x …, denied by … uid=…";
 * for systemd's journal its priority stands before it instead of the name.
 */
void alert_line(struct buf *out, const struct view_images *images,
		const struct view *v);
