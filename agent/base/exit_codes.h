/* SPDX-License-Identifier: Apache-2.0 */
/* What a run ended with, for scripts and service managers. See picket(8). */
#pragma once

enum exit_code {
	EXIT_CODE_OK = 0,
	EXIT_CODE_FAILURE = 1,	 /* something failed while running */
	EXIT_CODE_USAGE = 2,	 /* the command line cannot be understood */
	EXIT_CODE_NO_HOOK = 3,	 /* the kernel offers no usable hook */
	EXIT_CODE_PRIVILEGE = 4, /* not allowed to do what was asked */
	EXIT_CODE_CONFIG = 6,	 /* configuration or policy is not valid */
};
