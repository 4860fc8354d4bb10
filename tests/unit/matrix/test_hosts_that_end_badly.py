"""Real children that hang, die, stop and leave early: each is a record with a phase, and nothing is left."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from matrix.model import HangClass, Outcome, Phase

if TYPE_CHECKING:
    from tests.helpers.registries import Toy

FOR_EVER = "threading.Event().wait()"
# Long enough for a child to start on a busy machine, short enough to wait for.
ENTER = "enter_limit=5.0"
CALL = "limit=1.0"


def test_host_that_never_performs_a_cell_hangs_in_enter(toy: Toy) -> None:
    toy.context(host=FOR_EVER, more="enter_limit=1.5").probe("first").probe("second")

    records = toy.run()

    assert {(one.outcome, one.phase) for one in records.values()} == {(Outcome.HANG, Phase.ENTER)}
    assert "no cell began within 1.5 s" in records["first"].detail
    assert sys.platform == "win32" or "in host" in records["first"].stacks


def test_cell_that_never_ends_hangs_in_call_and_the_others_get_a_fresh_host(toy: Toy) -> None:
    toy.context(more=ENTER).probe("a_first").probe(
        "b_hangs", f"run(None, {{}})\n{FOR_EVER}", more=CALL
    ).probe("c_last")

    records = toy.run()

    assert (records["b_hangs"].outcome, records["b_hangs"].phase) == (Outcome.HANG, Phase.CALL)
    assert records["b_hangs"].detail == "the check did not end within 1 s"
    assert records["a_first"].outcome is records["c_last"].outcome is Outcome.PASS
    assert records["a_first"].host == records["b_hangs"].host
    assert records["c_last"].host > records["b_hangs"].host


@pytest.mark.skipif(sys.platform == "win32", reason="no signal reaches a hung Python there")
def test_hang_comes_with_the_stacks_of_all_threads(toy: Toy) -> None:
    check = f"""
    def waits_in_a_thread():
        {FOR_EVER}
    def waits_in_main():
        {FOR_EVER}
    threading.Thread(target=waits_in_a_thread, daemon=True).start()
    waits_in_main()
    """
    toy.context().probe("hangs", check, more=CALL)

    stacks = toy.run()["hangs"].stacks

    assert "in waits_in_main" in stacks
    assert "in waits_in_a_thread" in stacks


def test_host_that_does_not_exit_hangs_in_exit(toy: Toy) -> None:
    check = f"run(None, {{}})\nthreading.Thread(target=lambda: {FOR_EVER}).start()"
    toy.context(more="exit_limit=1.0").probe("leaves_a_thread", check)

    record = toy.run()["leaves_a_thread"]

    assert (record.outcome, record.phase) == (Outcome.HANG, Phase.EXIT)
    assert record.detail.startswith("the process did not end within 1 s")


def test_host_that_does_not_exit_names_how_many_cells_can_be_the_cause(toy: Toy) -> None:
    check = f"run(None, {{}})\nthreading.Thread(target=lambda: {FOR_EVER}).start()"
    toy.context(more="exit_limit=1.0").probe("a_leaves_a_thread", check).probe("b_last")

    records = toy.run()

    assert records["a_leaves_a_thread"].outcome is Outcome.PASS
    assert records["b_last"].outcome is Outcome.HANG
    assert "2 cells ran in this host" in records["b_last"].detail


def test_host_that_stops_between_cells_is_charged_to_the_cell_before(toy: Toy) -> None:
    host = f"job.perform(job.cells[0])\nif len(job.cells) == 2: {FOR_EVER}"
    toy.context(host=host, more="enter_limit=1.5").probe("a_first").probe("b_second")

    records = toy.run()

    assert (records["a_first"].outcome, records["a_first"].phase) == (Outcome.HANG, Phase.EXIT)
    assert "did not begin the next" in records["a_first"].detail
    assert records["b_second"].outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("death", "sentence"),
    [
        pytest.param("os._exit(3)", "exit code 3", id="exit_code"),
        pytest.param("os._exit(0)", "ended during the call", id="exit_code_of_success"),
        pytest.param(
            "os.kill(os.getpid(), signal.SIGKILL)",
            "killed by SIGKILL",
            id="killed",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
        ),
        pytest.param(
            "os.kill(os.getpid(), signal.SIGSEGV)",
            "killed by SIGSEGV",
            id="segmentation_fault",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
        ),
    ],
)
def test_cell_whose_process_dies_is_a_crash_in_call(toy: Toy, death: str, sentence: str) -> None:
    toy.context().probe("a_dies", death).probe("b_lives")

    records = toy.run()

    assert (records["a_dies"].outcome, records["a_dies"].phase) == (Outcome.CRASH, Phase.CALL)
    assert sentence in records["a_dies"].detail
    assert records["b_lives"].outcome is Outcome.PASS


def test_host_that_dies_before_its_first_cell_crashes_in_enter_once_for_all_cells(toy: Toy) -> None:
    toy.context(host="os._exit(4)").probe("first").probe("second")

    records = toy.run()

    assert {(one.outcome, one.phase, one.host) for one in records.values()} == {
        (Outcome.CRASH, Phase.ENTER, 1)
    }


def test_host_that_raises_before_its_first_cell_is_an_error_of_the_matrix(toy: Toy) -> None:
    toy.context(host="raise LookupError('no port is free')").probe()

    record = toy.run()["works"]

    assert record.outcome is Outcome.ERROR
    assert "no port is free" in record.detail
    assert "Traceback" in record.traceback


def test_host_that_raises_between_cells_crashes_the_cell_before(toy: Toy) -> None:
    toy.context(host="job.perform(job.cells[0])\nif len(job.cells) == 2: raise OSError('lost')").probe(
        "a"
    ).probe("b")

    records = toy.run()

    assert (records["a"].outcome, records["a"].phase) == (Outcome.CRASH, Phase.EXIT)
    assert "lost" in records["a"].detail
    assert records["b"].outcome is Outcome.PASS


def test_host_that_returns_early_is_an_error_for_each_cell_it_left_out(toy: Toy) -> None:
    toy.context(host="job.perform(job.cells[0])").probe("a_performed").probe("b_left_out")

    records = toy.run()

    assert records["a_performed"].outcome is Outcome.PASS
    assert records["b_left_out"].outcome is Outcome.ERROR
    assert "without performing this cell" in records["b_left_out"].detail


def test_exit_code_after_the_last_cell_is_a_crash_in_exit(toy: Toy) -> None:
    toy.context().probe("poisons_exit", "import atexit\nrun(None, {})\natexit.register(os._exit, 5)")

    record = toy.run()["poisons_exit"]

    assert (record.outcome, record.phase) == (Outcome.CRASH, Phase.EXIT)
    assert "exit code 5" in record.detail


@pytest.mark.skipif(sys.platform != "linux", reason="reads the state of a process from /proc")
def test_process_that_stops_itself_is_a_hang_of_its_own_class_with_its_stacks(toy: Toy) -> None:
    toy.context().probe("stops", "os.kill(os.getpid(), signal.SIGSTOP)", more=CALL)

    record = toy.run()["stops"]

    assert (record.outcome, record.phase) == (Outcome.HANG, Phase.CALL)
    assert record.hang_class is HangClass.STOPPED
    assert "was stopped by a signal" in record.evidence
    assert "in check" in record.stacks


@pytest.mark.skipif(sys.platform == "win32", reason="sockets are no descriptors there")
def test_host_that_closes_its_stream_is_a_crash(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matrix.host.DYING", 1.0)
    toy.context().probe("closes", f"os.closerange(3, 100)\n{FOR_EVER}", more="limit=60.0")

    record = toy.run()["closes"]

    assert record.outcome is Outcome.CRASH
    assert "closed its record stream" in record.detail


def test_isolated_probe_has_a_host_of_its_own(toy: Toy) -> None:
    toy.context().probe("a_alone", more="isolated=True").probe("b_shared").probe("c_shared")

    records = toy.run()

    assert records["b_shared"].host == records["c_shared"].host != records["a_alone"].host


def test_two_hosts_run_at_once(toy: Toy, tmp_path: object) -> None:
    """Each of the two cells waits for the other's file: alone, neither could pass."""
    meet = f"""
    import time
    run(None, {{}})
    folder = {str(tmp_path)!r}
    os.mkfifo(folder + "/pipe") if not os.path.exists(folder + "/pipe") else None
    mode = "r" if os.path.basename(__file__) == "a_reads.py" else "w"
    with open(folder + "/pipe", mode) as pipe:
        pipe.read() if mode == "r" else pipe.write("hello")
    """
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    os.mkfifo(f"{tmp_path}/pipe")
    toy.context()
    toy.probe("a_reads", meet, more="isolated=True").probe("b_writes", meet, more="isolated=True")

    records = toy.run(jobs=2)

    assert {one.outcome for one in records.values()} == {Outcome.PASS}


AT_EXIT = """
run(None, {})
from matrix.model import check_at_exit
check_at_exit(lambda: expect(got=%s, wanted=1, of="the number"))
"""


def test_check_that_was_put_off_to_the_end_of_the_process_decides_there(toy: Toy) -> None:
    toy.context().probe("a_holds", AT_EXIT % "1", more="isolated=True")
    toy.probe("b_fails", AT_EXIT % "2", more="isolated=True")

    records = toy.run()

    assert records["a_holds"].outcome is Outcome.PASS
    assert records["b_fails"].outcome is Outcome.FAIL
    assert records["b_fails"].detail == "at the end of the process: the number: wanted 1, got 2"
    assert "expect(" in records["b_fails"].traceback


@pytest.mark.parametrize(
    ("end", "outcome", "detail"),
    [
        pytest.param(
            "import atexit; atexit.register(os._exit, 0)",
            Outcome.FAIL,
            "the process ended without 1 of the checks put off to its end",
            id="before_the_check",
        ),
        pytest.param(
            "import atexit; atexit.register(print, 'one more thing', file=sys.stderr)",
            Outcome.FAIL,
            "the process was not quiet at its end: one more thing",
            id="with_a_word",
        ),
        pytest.param(
            "threading._register_atexit(os._exit, 3)",
            Outcome.CRASH,
            "exit code 3",
            id="with_another_exit_code",
        ),
    ],
)
def test_process_that_checks_its_end_has_to_end_well(
    end: str, outcome: Outcome, detail: str, toy: Toy
) -> None:
    toy.context().probe("ends", AT_EXIT % "1" + end, more="isolated=True")

    record = toy.run()["ends"]

    assert (record.outcome, detail in record.detail) == (outcome, True), record.detail


def test_control_that_fails_only_at_the_end_of_its_process_is_noticed(toy: Toy) -> None:
    check = """
    from matrix.model import check_at_exit
    run(None, {"n": 1})
    check_at_exit(lambda: expect(got=run(None, {"n": 1}), wanted={"n": 1}, of="outputs at the end"))
    """
    broken = """
    def call(source, inputs):
        return run(source, inputs) if threading.main_thread().is_alive() and not ended else {}
    ended = []
    threading._register_atexit(ended.append, None)
    return call
    """
    toy.context().probe("works", check, broken=broken, more="isolated=True")

    assert toy.run("control")["works"].outcome is Outcome.FAIL
    assert toy.run()["works"].outcome is Outcome.PASS


def test_check_that_is_put_off_where_others_run_is_an_error_of_the_probe(toy: Toy) -> None:
    toy.context().probe("a_first", AT_EXIT % "1").probe("b_second")

    record = toy.run()["a_first"]

    assert record.outcome is Outcome.ERROR
    assert "make its probe isolated" in record.detail
