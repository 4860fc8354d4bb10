"""Clocks that jump, on either side, change no verdict: the supervisor counts by the monotonic clock alone."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from matrix.model import Outcome, Phase

if TYPE_CHECKING:
    from tests.helpers.registries import Toy

MATRIX = Path(__file__).parents[3] / "matrix"
DAY = 86_400

# Puts clocks of the time module forward by a day, and back, at each call.
JUMPING = """
import itertools, time
days = itertools.cycle([86_400, -86_400])
def jump(clock):
    return lambda: clock() + next(days)
for name in {names}:
    setattr(time, name, jump(getattr(time, name)))
"""
# The same for the clock of all code in a process, C code included: what the kernel would tell after somebody
# has set it. The monotonic clock is left alone, as the kernel leaves it.
PRELOADED = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
static long next(void) { static int turn; return (turn++ & 1) ? -86400 : 86400; }
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += next();
    return failed;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec fine;
    clock_gettime(CLOCK_REALTIME, &fine);
    now->tv_sec = fine.tv_sec;
    now->tv_usec = fine.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *kept) {
    struct timespec fine;
    clock_gettime(CLOCK_REALTIME, &fine);
    if (kept) *kept = fine.tv_sec;
    return fine.tv_sec;
}
"""
HANGS = "threading.Event().wait()"


def three_cells(toy: Toy, first: str = "") -> Toy:
    """Write a cell that passes, one that fails and one that hangs; all in the host that ``first`` changes."""
    toy.context(host=f"{first}\nfor cell in job.cells: job.perform(cell)")
    toy.probe("a_passes").probe("b_fails", "run(None, {})\nraise ValueError('no')")
    return toy.probe("c_hangs", f"run(None, {{}})\n{HANGS}", more="limit=1.5")


VERDICTS = {"a_passes": "pass", "b_fails": "fail", "c_hangs": "hang"}


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["time", "time_ns"], id="wall_clock"),
        pytest.param(["monotonic", "perf_counter"], id="every_clock_that_probes_use"),
    ],
)
def test_clock_that_jumps_in_a_host_changes_no_verdict(toy: Toy, names: list[str]) -> None:
    began = time.monotonic()

    records = three_cells(toy, JUMPING.format(names=names)).run()

    took = time.monotonic() - began
    assert {name: one.outcome.value for name, one in records.items()} == VERDICTS
    assert records["c_hangs"].phase is Phase.CALL
    assert all(0 <= one.seconds <= took for one in records.values())


def test_wall_clock_that_jumps_in_the_supervisor_changes_no_verdict(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = iter(range(0, 1_000_000 * DAY, DAY))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - next(days))

    records = three_cells(toy).run()

    assert {name: one.outcome.value for name, one in records.items()} == VERDICTS


@pytest.fixture
def jumping_clock(tmp_path: Path) -> Path:
    """A library that, preloaded, makes the wall clock of a process jump."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("needs Linux and a C compiler: the wall clock of a process is replaced by preloading")
    source, library = tmp_path / "jump.c", tmp_path / "jump.so"
    source.write_text(PRELOADED, encoding="utf-8")
    built = subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        pytest.skip(f"the C compiler cannot build a shared library here: {built.stderr.strip()[-200:]}")
    return library


def test_wall_clock_that_jumps_for_all_processes_of_a_run_changes_no_verdict(
    toy: Toy, tmp_path: Path, jumping_clock: Path
) -> None:
    environment = {**os.environ, "LD_PRELOAD": str(jumping_clock)}
    code = "import time; print(max(abs(time.time() - time.time()) for _ in range(4)))"
    jumped = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert float(jumped.stdout) > DAY

    run = run_command(three_cells(toy), tmp_path, environment=environment)

    assert run == VERDICTS


def test_host_in_a_time_namespace_of_its_own_changes_no_verdict(toy: Toy, tmp_path: Path) -> None:
    """There the monotonic clock of hosts and supervisor is two days ahead of what the machine's says."""
    words = ["unshare", "--time", "--monotonic", str(2 * DAY), "--boottime", str(2 * DAY), "--fork"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*words, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs unshare(1) and the right to make a time namespace")

    # The host alone: its clocks are not those of the supervisor.
    inside = f"""
    code = "from matrix.child import Job; job = Job.resume(); [job.perform(cell) for cell in job.cells]"
    subprocess.run([*{words!r}, sys.executable, "-c", code])
    """
    three_cells(toy)
    toy.context(host=inside)
    records = toy.run()

    assert {name: one.outcome.value for name, one in records.items()} == VERDICTS


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_time_that_is_no_number_is_a_lie(toy: Toy, number: str) -> None:
    lie = f"""
    from matrix.child import Job
    job = Job.resume()
    run(None, {{}})
    line = '{{"kind":"end","token":"%s","pid":%d,"cell":"%s","outcome":"pass","seconds":{number}}}\\n'
    job._records.sendall((line % (job._assignment.token, os.getpid(), job.cells[0].id)).encode())
    {HANGS}
    """
    toy.context().probe("lies", lie, more="limit=30.0")

    record = toy.run()["lies"]

    assert record.outcome is Outcome.ERROR
    assert "not a message" in record.detail


# The modules that decide: by them it is counted how long a host may stay silent.
SUPERVISOR = (
    "ending",
    "guardian",
    "host",
    "interrupts",
    "onlooker",
    "parent",
    "process",
    "second",
    "story",
    "streams",
)


@pytest.mark.parametrize("module", SUPERVISOR)
def test_supervisor_reads_no_clock_that_can_be_set(module: str) -> None:
    tree = ast.parse((MATRIX / f"{module}.py").read_text(encoding="utf-8"))

    found = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}

    assert found & {"time.time", "time.time_ns", "datetime.now", "datetime.datetime.now"} == set()


def run_command(toy: Toy, tmp_path: Path, *, environment: dict[str, str]) -> dict[str, str]:
    """Run all cells of a registry in a process of its own; return the outcomes by probe."""
    words = [sys.executable, "-m", "matrix", "run", "--registry", str(toy.root), "--target", "agent_runtime"]
    words += ["--results", str(tmp_path / "results"), "--expectations", str(tmp_path / "none.toml")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    lines = (tmp_path / "results" / "matrix.ndjson").read_text(encoding="utf-8").splitlines()
    return {record["probe"]: record["outcome"] for record in map(json.loads, lines) if "probe" in record}
