"""However a supervisor ends, nothing of its hosts is left: interrupted, killed, closed, outrun by forks."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from matrix import interrupts as interrupts_module
from matrix.guardian import Guardian
from matrix.interrupts import Interrupts
from matrix.model import Outcome
from matrix.parent import supervise
from matrix.plan import plan
from matrix.recorded import read_run
from tests.helpers.processes import comes_true, is_gone, note_pid, processes_of_jobs_below, wait_for

if TYPE_CHECKING:
    from tests.helpers.registries import Toy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks and process groups")

FOR_EVER = "threading.Event().wait()"
# A host with one process in its group, and one that has left group and session.
FAMILY = f"""
code = "import os, sys, time; open(sys.argv[1] + '.new', 'w').write(str(os.getpid()));"
code += " os.replace(sys.argv[1] + '.new', sys.argv[1]); time.sleep(1000)"
subprocess.Popen([sys.executable, "-c", code, {{folder!r}} + "/same_group"])
subprocess.Popen([sys.executable, "-c", code, {{folder!r}} + "/own_session"], start_new_session=True)
{{note_host}}
{FOR_EVER}
"""
MEMBERS = ("same_group", "own_session", "host")


def command(toy: Toy, tmp_path: Path, *more: str) -> list[str]:
    """Return the command that runs all cells of a toy registry."""
    words = [sys.executable, "-m", "matrix", "run", "--registry", str(toy.root), "--target", "agent_runtime"]
    words += ["--results", str(tmp_path / "results"), "--expectations", str(tmp_path / "none.toml")]
    return [*words, *more]


def family(toy: Toy, tmp_path: Path) -> Toy:
    """Write a cell that passes, and one that hangs with two processes below it."""
    note_host = note_pid(tmp_path / "host")
    hangs = FAMILY.format(folder=str(tmp_path), note_host=note_host)
    return toy.context().probe("a_passes").probe("b_hangs", hangs, more="limit=300.0")


def environment_with_tmpdir(folder: Path) -> dict[str, str]:
    folder.mkdir()
    return {**os.environ, "TMPDIR": str(folder)}


def test_killed_supervisor_leaves_no_host_and_no_descendant_and_no_folder(toy: Toy, tmp_path: Path) -> None:
    """SIGKILL to the whole group, as a CI runner does: no code of the supervisor's runs after it."""
    environment = environment_with_tmpdir(tmp_path / "tmp")

    with subprocess.Popen(
        command(family(toy, tmp_path), tmp_path),
        stdout=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    ) as process:
        for name in MEMBERS:
            wait_for(tmp_path / name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)

    assert [name for name in MEMBERS if not is_gone(tmp_path / name)] == []
    assert comes_true(lambda: not [*(tmp_path / "tmp").iterdir()])


def test_stopped_supervisor_keeps_its_hosts_until_it_is_killed(toy: Toy, tmp_path: Path) -> None:
    with subprocess.Popen(
        command(family(toy, tmp_path), tmp_path), stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        wait_for(tmp_path / "host")
        process.send_signal(signal.SIGSTOP)
        os.kill(int((tmp_path / "host").read_text()), 0)
        process.kill()
        process.wait(60)

    assert is_gone(tmp_path / "host")


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, id="ctrl_c"), pytest.param(signal.SIGTERM, id="sigterm")]
)
def test_interrupted_run_reports_and_records_what_it_has_and_ends_with_130(
    toy: Toy, tmp_path: Path, number: int
) -> None:
    environment = environment_with_tmpdir(tmp_path / "tmp")

    with subprocess.Popen(
        command(family(toy, tmp_path), tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        for name in MEMBERS:
            wait_for(tmp_path / name)
        process.send_signal(number)
        process.send_signal(signal.SIGTERM)  # the same, twice
        output, errors = process.communicate(timeout=60)

    assert (process.returncode, errors) == (130, "")
    assert "interrupted: 1 pass" in output
    run = read_run(tmp_path / "results")
    assert [record["cell"] for record in run.records] == ["agent_runtime/toy/script/a_passes"]
    assert (run.summary["interrupted"], run.summary["complete"], run.complete) == (True, False, False)
    assert [name for name in MEMBERS if not is_gone(tmp_path / name)] == []
    assert [*(tmp_path / "tmp").iterdir()] == []


def test_run_that_came_to_its_end_says_so_and_how_soon_it_had_judged_its_first_cell(
    toy: Toy, tmp_path: Path
) -> None:
    toy.context().probe()

    began = time.monotonic()
    done = subprocess.run(command(toy, tmp_path), stdout=subprocess.PIPE, text=True, check=True, timeout=120)
    took = time.monotonic() - began

    summary = json.loads((tmp_path / "results" / "matrix.json").read_text())
    assert summary["complete"] is True
    # The whole command, interpreter included, but for files and report; to a hundredth of a second.
    assert summary["seconds"] * 0.5 < summary["first_cell_seconds"] < took + 0.02
    assert f", the first of them {summary['first_cell_seconds']:.2f} s after the start\n" in done.stdout


def test_interrupt_comes_at_any_moment_of_a_run_and_leaves_nothing(toy: Toy, tmp_path: Path) -> None:
    """From its start on, in steps of a few milliseconds: parsing, starting hosts, writing records."""
    toy.context().probe("a_passes", more="isolated=True").probe("b_passes", more="isolated=True")
    environment = environment_with_tmpdir(tmp_path / "tmp")
    codes = set()

    for step in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", START, *command(toy, tmp_path)[3:]],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # before main() and after it, an interrupt is Python's to tell of
            env=environment,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()  # its imports are over
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.03 * step)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        codes.add(process.returncode)
        assert comes_true(lambda: not [*(tmp_path / "tmp").iterdir()])
        assert processes_of_jobs_below(tmp_path) == []

    assert 130 in codes


def test_signal_is_noted_and_raised_where_the_loop_asks_and_then_no_more() -> None:
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.wakeup.recv(10) == b"!"
        with pytest.raises(KeyboardInterrupt):
            interrupts.raise_noted()
        os.kill(os.getpid(), signal.SIGINT)
        interrupts.raise_noted()

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_second_press_is_raised_at_once_when_nobody_has_heeded_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(interrupts_module, "PATIENCE", 0.0)

    with Interrupts():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


START = """
import sys
from matrix.__main__ import main
print("imported", flush=True)
sys.exit(main(sys.argv[1:]))
"""


# Each process of the chain forks the next and ends: no number is there for long. The chain has an end.
RUNNERS = """
run(None, {{}})
import time
if os.fork() == 0:
    for generation in range({generations}):
        open({file!r}, "w").write(str(generation))
        if os.fork():
            os._exit(0)
        {step}
    os._exit(0)
while not os.path.exists({file!r}):
    time.sleep(0.001)
"""


@pytest.mark.parametrize(
    ("step", "generations"),
    [
        pytest.param("pass", 50_000, id="as_fast_as_it_can_in_the_group"),
        pytest.param("os.setsid(); time.sleep(0.02)", 5_000, id="in_a_session_of_its_own_each_time"),
    ],
)
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="elsewhere only living parents tell of children")
def test_forks_that_run_away_are_caught(toy: Toy, tmp_path: Path, step: str, generations: int) -> None:
    code = RUNNERS.format(file=str(tmp_path / "generation"), step=step, generations=generations)
    toy.context().probe("runs_away", code).probe("works")

    toy.run()

    reached = (tmp_path / "generation").read_text()
    toy.records(toy.cells()[1:])  # takes a while, in which a survivor would have gone on
    assert (tmp_path / "generation").read_text() == reached
    assert int(reached or 0) < generations - 1


def test_guardian_that_was_dismissed_is_gone_and_does_not_touch_the_folder(tmp_path: Path) -> None:
    guardian = Guardian(tmp_path)
    (tmp_path / "kept").touch()

    guardian.close()

    assert guardian._process.returncode is not None
    assert (tmp_path / "kept").exists()


def test_guardian_does_not_keep_the_readers_of_a_killed_supervisor_waiting(toy: Toy, tmp_path: Path) -> None:
    with subprocess.Popen(
        command(family(toy, tmp_path), tmp_path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        wait_for(tmp_path / "host")
        process.kill()
        process.communicate(timeout=60)

    assert is_gone(tmp_path / "host")


def test_probe_that_counts_meets_nothing_of_the_guardian(toy: Toy) -> None:
    check = """
    run(None, {})
    expect(got=threading.active_count(), wanted=1, of="threads")
    expect(got=signal.getsignal(signal.SIGTERM), wanted=signal.SIG_DFL, of="the handler of SIGTERM")
    if os.path.isdir("/proc/self/fd"):
        threads, descriptors = os.listdir("/proc/self/task"), os.listdir("/proc/self/fd")
        expect(got=len(threads), wanted=1, of="threads of the kernel")
        # stdin, stdout, stderr, the two connections, and the one that lists
        expect(got=len(descriptors), wanted=6, of="descriptors")
    """
    toy.context().probe("counts", check)

    record = toy.run()["counts"]

    assert (record.outcome, record.detail) == (Outcome.PASS, "")


def children_of_this_process() -> set[str]:
    """Return the ids of its child processes, whoever began them: other tests may have left some."""
    return {
        child
        for task in Path("/proc/self/task").iterdir()
        for child in (task / "children").read_text().split()
    }


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="elsewhere nothing lists children")
def test_closed_iterator_leaves_no_guardian(toy: Toy) -> None:
    before = children_of_this_process()
    toy.context().probe("a_passes").probe("b_hangs", FOR_EVER, more="limit=300.0")
    planned = plan(toy.registry(), toy.cells(), ci=False)

    records = supervise(planned.batches, root=toy.root, jobs=1)
    next(records)
    during = children_of_this_process()
    records.close()

    assert during - before
    assert children_of_this_process() <= before
