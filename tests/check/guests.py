# SPDX-License-Identifier: Apache-2.0
"""tests/vm/machine.py itself: what a lost guest had done is kept, what it was at
is tried once more, and nothing is called passed that did not end. The guests'
words are played. Speaks TAP.
"""
import pathlib
import sys
import tempfile
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vm"))
import machine  # noqa: E402

PLAN = [("a", "-", "-"), ("b", "x=y", "-"), ("c", "-", "one two")]
FELL = "[   12.3] BUG: unable to handle page fault"
CELLS = "# cell exec lsm seen"


def ran(row, passed=True):
    return (f"== run {' '.join(row)}\n{CELLS if row[0] == 'a' else ''}\n1..1\n"
            f"{'' if passed else 'not '}ok 1 - it\n== end {0 if passed else 1} 3\n")


def broke(row, words=""):
    return f"== run {' '.join(row)}\n1..1\n{words}\n"


class Played(machine.Machine):
    """Each boot says the next of these, and what it was given is kept."""

    def __init__(self, work, *says):
        super().__init__("6.1")
        self.environ.pop("PICKET_VM_QEMU", None)
        self.work, self.says, self.given, self.options = work, says, [], []

    def boot(self, _machine, _plan, _log):
        self.given.append((self.work / "ended").read_text().splitlines())
        self.options.append(self.environ.get("PICKET_VM_QEMU", ""))
        self.cells = (self.work / "cells").read_text()
        return "", self.says[len(self.given) - 1]


def play(*says):
    with tempfile.TemporaryDirectory() as work:
        played = Played(pathlib.Path(work), *says)
        machine.boot = played.boot
        runs, wrong = machine.run_plan(played, PLAN)
        results = [passed for run in runs for passed, _, _ in run.results()]
        return played, [run.row for run in runs], results, wrong


def one_boot_where_nothing_is_lost():
    played, rows, results, _ = play("".join(ran(row) for row in PLAN))
    assert rows == PLAN and all(results), (rows, results)
    assert played.given == [[]], played.given


def what_ended_is_kept_and_not_run_again():
    played, rows, results, _ = play(ran(PLAN[0]) + broke(PLAN[1], FELL),
                                    ran(PLAN[1]) + ran(PLAN[2]))
    assert rows == PLAN and all(results), (rows, results)
    assert played.given == [[], ["a - -"]], played.given
    assert CELLS in played.cells, played.cells


def what_fell_over_has_its_processors_in_turn():
    played, *_ = play(broke(PLAN[0], FELL), "".join(ran(row) for row in PLAN))
    assert machine.IN_ORDER not in played.options[0], played.options
    assert machine.IN_ORDER in played.options[1], played.options


def what_is_lost_twice_failed_and_the_rest_runs():
    played, rows, results, _ = play(ran(PLAN[0]) + broke(PLAN[1], FELL),
                                    broke(PLAN[1]), ran(PLAN[2], passed=False))
    assert rows == PLAN, rows
    assert results == [True, False, False], results
    assert played.given[2] == ["a - -", "b x=y -"], played.given


def a_kernel_that_goes_on_after_an_oops_has_not_passed():
    oops = ran(PLAN[0]).replace("1..1", "1..1\n" + FELL)
    rest = ran(PLAN[1]) + ran(PLAN[2])
    played, rows, results, _ = play(oops + rest, ran(PLAN[0]))
    assert sorted(rows) == PLAN and all(results), (rows, results)
    assert played.given[1] == ["b x=y -", "c - one two"], played.given
    _, rows, results, _ = play(oops + rest, oops, "")
    assert sorted(rows) == PLAN and results.count(False) == 1, (rows, results)


def each_row_may_be_lost_once():
    _, rows, results, _ = play(broke(PLAN[0]), ran(PLAN[0]) + broke(PLAN[1]),
                               ran(PLAN[1]) + broke(PLAN[2]), ran(PLAN[2]))
    assert rows == PLAN and all(results), (rows, results)


def a_guest_that_says_nothing_is_not_booted_for_ever():
    played, rows, _, wrong = play(FELL, FELL, FELL)
    assert rows == [] and len(played.given) == 2 and wrong, played.given


TESTS = [one_boot_where_nothing_is_lost,
         what_ended_is_kept_and_not_run_again,
         what_fell_over_has_its_processors_in_turn,
         what_is_lost_twice_failed_and_the_rest_runs,
         a_kernel_that_goes_on_after_an_oops_has_not_passed,
         each_row_may_be_lost_once,
         a_guest_that_says_nothing_is_not_booted_for_ever]


def main():
    machine.LONG = False
    print(f"1..{len(TESTS)}")
    bad = 0
    for i, test in enumerate(TESTS, 1):
        try:
            test()
            print(f"ok {i} - {test.__name__}")
        except Exception:  # pylint: disable=broad-except
            bad = 1
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            print(f"not ok {i} - {test.__name__}")
    return bad


if __name__ == "__main__":
    sys.exit(main())
