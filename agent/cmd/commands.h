/* SPDX-License-Identifier: Apache-2.0 */
/* One function per subcommand of picket; argv[0] is the subcommand's name. */
#pragma once

int cmd_run(int argc, char **argv);
int cmd_tail(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_canary(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_query(int argc, char **argv);
int cmd_coverage(int argc, char **argv);
int cmd_learn(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_support_bundle(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_why(int argc, char **argv);
