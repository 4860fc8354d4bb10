"""Processes below a host: they perform cells too, and none of them outlives the run."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.model import Outcome, Phase
from matrix.parent import supervise
from matrix.plan import plan
from tests.helpers.processes import is_gone, note_pid, wait_for

if TYPE_CHECKING:
    from tests.helpers.registries import Toy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks and process groups")

FOR_EVER = "threading.Event().wait()"
# Performs the cells in a process group of its own, somewhere else, as a notebook kernel does.
GRANDCHILD = """
code = "from matrix.child import Job; job = Job.resume(); [job.perform(cell) for cell in job.cells]"
subprocess.run([sys.executable, "-c", code], cwd="/", start_new_session=True)
"""


def test_grandchild_elsewhere_performs_the_cells(toy: Toy) -> None:
    toy.context(host=GRANDCHILD).probe("first").probe("second")

    records = toy.run()

    assert {one.outcome for one in records.values()} == {Outcome.PASS}


def test_grandchild_that_dies_is_a_crash_in_call_at_once(toy: Toy) -> None:
    toy.context(host=GRANDCHILD + FOR_EVER).probe("dies", "os._exit(3)", more="limit=60.0")

    began = time.monotonic()
    record = toy.run()["dies"]

    assert (record.outcome, record.phase) == (Outcome.CRASH, Phase.CALL)
    assert "which performed the cell, ended during the call" in record.detail
    assert time.monotonic() - began < 30


def test_grandchild_that_hangs_answers_with_its_stacks_and_is_killed(toy: Toy, tmp_path: Path) -> None:
    check = f"{note_pid(tmp_path / 'pid')}\ndef stuck_here():\n    {FOR_EVER}\nstuck_here()"
    toy.context(host=GRANDCHILD).probe("hangs", check, more="limit=1.0")

    record = toy.run()["hangs"]

    assert record.outcome is Outcome.HANG
    assert "in stuck_here" in record.stacks
    assert is_gone(tmp_path / "pid")


@pytest.mark.parametrize(
    "leave",
    [
        pytest.param("os.setsid()", id="in_a_session_of_its_own"),
        pytest.param("os.setpgid(0, 0)", id="in_a_group_of_its_own"),
        pytest.param("signal.signal(signal.SIGTERM, signal.SIG_IGN)", id="in_the_group_of_the_host"),
    ],
)
def test_nothing_is_left_of_a_fork_that_outlives_its_host_and_its_cell_fails(
    toy: Toy, tmp_path: Path, leave: str
) -> None:
    path = tmp_path / "pid"
    check = f"""
    ready, done = os.pipe()
    if os.fork() == 0:
        {leave}
        {note_pid(path)}
        os.write(done, b"!")
        {FOR_EVER}
    os.read(ready, 1)
    run(None, {{}})
    """
    toy.context().probe("forks", check)

    record = toy.run()["forks"]

    assert record.outcome is Outcome.FAIL
    assert record.detail.startswith("left a process behind: `")
    assert "-m matrix.child` (process " in record.detail
    assert record.detail.endswith("which began while agent_runtime/toy/script/forks ran")
    assert len(record.strays) == 1
    assert is_gone(path)


# Long enough that nobody waits for it, and with a name that shows.
LEAVES = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1234)'])"
# Longer than the kernel's tick, by which it notes when a process begins.
A_WHILE = "import time; time.sleep(0.1)"


def test_process_left_behind_is_told_with_its_command_and_the_cell_that_began_it(toy: Toy) -> None:
    """The first cell's record is out by then: the last one carries the blame, and says whose it is."""
    toy.context().probe("a_innocent", f"run(None, {{}})\n{A_WHILE}")
    toy.probe("b_leaves", f"run(None, {{}})\n{A_WHILE}\n{LEAVES}\n{A_WHILE}")
    toy.probe("c_last", f"run(None, {{}})\n{A_WHILE}")

    records = toy.run()

    assert {name: one.outcome for name, one in records.items()} == {
        "a_innocent": Outcome.PASS,
        "b_leaves": Outcome.PASS,
        "c_last": Outcome.FAIL,
    }
    assert "-c import time; time.sleep(1234)` (process " in records["c_last"].detail
    assert records["c_last"].detail.endswith(", which began while agent_runtime/toy/script/b_leaves ran")


def test_process_that_the_context_leaves_behind_is_told_as_such(toy: Toy) -> None:
    toy.context(host=f"{LEAVES}\n{A_WHILE}\nfor cell in job.cells: job.perform(cell)").probe()

    record = toy.run()["works"]

    assert record.outcome is Outcome.FAIL
    assert record.detail.endswith("which began while no cell ran: it is the context's")


def test_equal_processes_left_behind_share_a_signature(toy: Toy) -> None:
    toy.context().probe("leaves", f"run(None, {{}})\n{LEAVES}")

    first, second = toy.run()["leaves"], toy.run()["leaves"]

    assert first.detail != second.detail
    assert first.signature == second.signature != ""


def test_process_that_ends_soon_after_its_host_is_nobodys_fault(toy: Toy) -> None:
    """As multiprocessing's resource tracker does: each of these begins the next one."""
    code = "import subprocess, sys, time; time.sleep(0.3); sys.argv[1:] and subprocess.Popen([sys.executable"
    code += ", '-c', 'import time; time.sleep(0.3)'])"
    toy.context().probe(
        "leaves", f"run(None, {{}})\nsubprocess.Popen([sys.executable, '-c', {code!r}, 'on'])"
    )

    record = toy.run()["leaves"]

    assert (record.outcome, record.detail, record.strays) == (Outcome.PASS, "", ())


def test_processes_that_a_killed_host_had_are_no_finding(toy: Toy) -> None:
    toy.context().probe("hangs", f"run(None, {{}})\n{LEAVES}\n{FOR_EVER}", more="limit=1.0")

    record = toy.run()["hangs"]

    assert (record.outcome, record.strays) == (Outcome.HANG, ())


def test_how_a_broken_bridge_leaves_is_not_judged_and_a_near_miss_is(toy: Toy) -> None:
    leaves = LEAVES.replace("subprocess.", "__import__('subprocess').").replace("sys.", "__import__('sys').")
    toy.context().probe()
    toy.control("broken", f"{leaves}\nreturn {{}}", more="caught_by=('works',)")
    toy.control("odd", f"{leaves}\nreturn dict(inputs)", more="passes=('works',)")

    broken, odd = toy.run("control:broken")["works"], toy.run("near_miss:odd")["works"]

    assert (broken.detail, broken.strays) == ("outputs: wanted {'n': 1}, got {}", ())
    assert odd.detail.startswith("left a process behind: ")


def test_report_names_what_was_left_behind_also_where_the_cell_had_failed_anyway(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe("fails", f"run(None, {{}})\n{LEAVES}\nraise ValueError('no')")
    arguments = ["run", "--registry", str(toy.root), "--target", "agent_runtime", "--expectations"]

    code = main([*arguments, str(tmp_path / "none.toml"), "--results", str(tmp_path / "results")])

    assert code == 1
    report = capsys.readouterr().out
    assert "ended in ValueError: no" in report
    assert "left behind by host 1, and killed: `" in report
    assert "import time; time.sleep(1234)`" in report


def test_fork_that_comes_out_of_a_check_does_not_go_on_as_the_host(toy: Toy) -> None:
    check = """
    run(None, {})
    child = os.fork()
    if child:
        expect(got=os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), wanted=70, of="exit code of the copy")
    """
    toy.context().probe("forks", check).probe("works")

    records = toy.run()

    assert {one.outcome for one in records.values()} == {Outcome.PASS}


def test_closing_the_iterator_kills_hosts_that_still_run(toy: Toy, tmp_path: Path) -> None:
    hangs = f"{note_pid(tmp_path / 'pid')}\n{FOR_EVER}"
    toy.context().probe("a_passes").probe("b_hangs", hangs, more="limit=60.0")
    begun: list[str] = []
    planned = plan(toy.registry(), toy.cells(), ci=False)

    records = supervise(
        planned.batches, root=toy.root, jobs=1, on_begin=lambda cell: begun.append(cell.probe)
    )
    assert next(records).cell.probe == "a_passes"
    wait_for(tmp_path / "pid")
    records.close()

    assert begun == ["a_passes", "b_hangs"]
    assert is_gone(tmp_path / "pid")


def test_child_finds_the_code_and_keeps_bytecode(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    check = """
    run(None, {})
    code = "import matrix, agent_runtime, sys; print(sys.dont_write_bytecode)"
    found = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True)
    expect(got=found.stdout.strip(), wanted="False", of="dont_write_bytecode in a process started in /")
    """
    toy.context().probe("looks_around", check)

    assert toy.run()["looks_around"].detail == ""
