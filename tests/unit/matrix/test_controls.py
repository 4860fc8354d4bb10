"""Controls: a claim that cannot be true is refused, and one that is not true makes a run worth nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.cells import Selection, select
from matrix.claims import cells_of_control
from matrix.expectations import Expectations
from matrix.judged import ExitCode, RunResult, judge_record
from matrix.model import Cell, Outcome, Phase
from matrix.parent import supervise
from matrix.plan import plan
from matrix.record import Record
from matrix.registry import BUILT_IN, Registry, RegistryError
from matrix.verdict import Verdict
from tests.unit.matrix.test_commands import where_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.registries import Toy

RIGHT = "return dict(inputs)"
OWN = Cell("agent_runtime", "toy", "script", "works")
BROKEN = Cell("control:lossy", "toy", "script", "works")
NEAR_MISS = Cell("near_miss:odd", "toy", "script", "works")


def test_there_are_at_least_25_broken_bridges_and_6_near_misses() -> None:
    controls = Registry().controls().values()

    assert sum(not control.near_miss for control in controls) >= 25
    assert sum(control.near_miss for control in controls) >= 6


LOAD = """
import asyncio, os, threading
from matrix.registry import Registry
before = threading.active_count(), len(os.listdir("/dev/fd"))
Registry().verify()
print((threading.active_count(), len(os.listdir("/dev/fd"))) == before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs /dev/fd to count descriptors")
def test_loading_the_registry_starts_no_thread_and_opens_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", LOAD],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=BUILT_IN.parent,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("True\n", "")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        pytest.param(
            "caught_by=('wroks',)", "caught_by names 'wroks', which is no probe; nearest: works", id="probe"
        ),
        pytest.param("passes=('no*',)", "passes names 'no*', which is no probe", id="pattern"),
        pytest.param(
            "passes=('*',), without=('wroks',)", "without names 'wroks', which is no probe", id="exception"
        ),
        pytest.param(
            "caught_by=('works',), context='scirpt'",
            "context names 'scirpt', which is no context; nearest: script",
            id="context",
        ),
        pytest.param("caught_by=()", "either broken or a near miss; write caught_by=", id="claims_nothing"),
        pytest.param("caught_by=('works',), passes=('works',)", "and not both", id="claims_both"),
        pytest.param(
            "caught_by=('in_loop',)",
            "caught_by names 'in_loop', which means nothing in script (no loop)",
            id="skipped",
        ),
    ],
)
def test_claim_that_cannot_be_true_is_refused_with_what_to_write(toy: Toy, more: str, sentence: str) -> None:
    toy.context().probe().probe("in_loop", more="skip_when=lambda facts: 'no loop'").control(
        "lossy", more=more
    )

    with pytest.raises(RegistryError) as caught:
        toy.registry().verify()

    assert "lossy.py: " in str(caught.value)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(
            "x = 1",
            "CONTROL is missing or not a Control; write CONTROL = Control(name='lossy'",
            id="no_statement",
        ),
        pytest.param("import no_such_library", "import those inside the functions", id="needs_its_library"),
    ],
)
def test_control_that_cannot_be_loaded_ends_the_command_with_its_reason(
    toy: Toy, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    toy.context().probe().write("controls", "lossy", text)

    assert main(["list", "--registry", str(toy.root)]) == ExitCode.BROKEN
    assert sentence in capsys.readouterr().err


def test_controls_run_in_every_gate_and_have_the_cells_they_speak_of(toy: Toy) -> None:
    toy.context().context("other").probe().probe("more").control("lossy").control(
        "odd", RIGHT, more="passes=('*',)"
    )

    chosen = select(toy.registry(), Selection())

    assert [cell.id for cell in chosen if ":" in cell.target] == [
        "control:lossy/toy/script/works",
        "near_miss:odd/toy/script/more",
        "near_miss:odd/toy/script/works",
    ]


def test_near_miss_is_not_held_to_promises_it_does_not_make(toy: Toy) -> None:
    toy.context().probe("a").probe("b").control("odd", more="passes=('*',), without=('b',)")
    registry = toy.registry()

    cells = cells_of_control(registry, registry.control("odd").statement)

    assert [cell.probe for cell in cells] == ["a"]


def test_uncaught_control_outranks_a_run_that_is_green_otherwise(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe().control("lossy", RIGHT)

    assert main(["run", *where_of(toy, tmp_path)]) == ExitCode.BROKEN
    shown = capsys.readouterr().out
    summary = json.loads((tmp_path / "results" / "matrix.json").read_text(encoding="utf-8"))
    assert "uncaught control: the probe passes on this broken bridge" in shown
    assert summary["outcomes"] == {"pass": 1}
    assert summary["controls"] == {"total": 2, "caught": 1}


def test_near_miss_that_fails_outranks_a_run_that_is_green_otherwise(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe().control("odd", more="passes=('works',)")

    assert main(["run", *where_of(toy, tmp_path)]) == ExitCode.BROKEN
    shown = capsys.readouterr().out
    summary = json.loads((tmp_path / "results" / "matrix.json").read_text(encoding="utf-8"))
    assert "rejected near miss: this bridge is right" in shown
    assert "near misses: 0 of 1 odd but right bridges passed" in shown
    assert summary["near_misses"] == {"total": 1, "passed": 0}


def test_run_with_controls_as_they_should_be_is_green_and_counts_them(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe().control("lossy").control("odd", RIGHT, more="passes=('works',)")

    assert main(["run", *where_of(toy, tmp_path)]) == ExitCode.EXPECTED
    shown = capsys.readouterr().out
    assert "controls: 2 of 2 broken bridges noticed" in shown
    assert "near misses: 1 of 1 odd but right bridges passed" in shown


def test_run_of_controls_alone_lists_each_with_its_probes(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe().control("lossy")

    assert main(["run", "--target", "control:*", *where_of(toy, tmp_path)]) == ExitCode.EXPECTED
    assert "control:lossy  in script\n  ✗ works\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cell", "outcome", "phase", "verdict"),
    [
        pytest.param(BROKEN, Outcome.FAIL, None, Verdict.OK, id="caught"),
        pytest.param(BROKEN, Outcome.HANG, Phase.CALL, Verdict.OK, id="caught_by_hanging"),
        pytest.param(BROKEN, Outcome.HANG, Phase.ENTER, Verdict.BROKEN, id="host_never_came_up"),
        pytest.param(BROKEN, Outcome.PASS, None, Verdict.BROKEN, id="uncaught"),
        pytest.param(BROKEN, Outcome.SKIP, None, Verdict.OK, id="control_means_nothing_here"),
        pytest.param(BROKEN, Outcome.ERROR, None, Verdict.BROKEN, id="harness_fault"),
        pytest.param(NEAR_MISS, Outcome.PASS, None, Verdict.OK, id="near_miss_passes"),
        pytest.param(NEAR_MISS, Outcome.SKIP, None, Verdict.OK, id="near_miss_needs_a_package"),
        pytest.param(NEAR_MISS, Outcome.FAIL, None, Verdict.BROKEN, id="near_miss_rejected"),
        pytest.param(NEAR_MISS, Outcome.HANG, Phase.CALL, Verdict.BROKEN, id="near_miss_hangs"),
        pytest.param(NEAR_MISS, Outcome.REFUSED, None, Verdict.BROKEN, id="near_miss_refuses"),
    ],
)
def test_verdict_on_a_control_follows_from_what_it_is(
    cell: Cell, outcome: Outcome, phase: Phase | None, verdict: Verdict
) -> None:
    assert judge_record(Record(cell, outcome, phase=phase), Expectations()).verdict is verdict


def test_what_proves_the_probes_wrong_is_read_first() -> None:
    outcomes = {OWN: Outcome.ERROR, NEAR_MISS: Outcome.FAIL, BROKEN: Outcome.PASS}

    judged = tuple(judge_record(Record(cell, outcome), Expectations()) for cell, outcome in outcomes.items())

    assert [one.cell for one in RunResult(judged).unexpected] == [BROKEN, NEAR_MISS, OWN]


def test_deadlocked_control_is_waited_for_as_long_as_it_says(toy: Toy) -> None:
    toy.context().probe().control("stuck", "time.sleep(600)", more="caught_by=('works',), limit=0.5")
    registry = toy.registry()

    planned = plan(registry, select(registry, Selection(targets=("control:stuck",))), ci=False)
    (record,) = supervise(planned.batches, root=toy.root, jobs=1)

    assert (record.outcome, record.phase) == (Outcome.HANG, Phase.CALL)
    assert record.detail == "the check did not end within 0.5 s"


def test_controls_that_leave_nothing_behind_share_a_host_and_kinds_do_not_mix(toy: Toy) -> None:
    toy.context().probe()
    toy.control("a", more="caught_by=('works',), harmless=True").control(
        "b", more="caught_by=('works',), harmless=True"
    )
    toy.control("alone").control("odd", more="passes=('works',), harmless=True")
    registry = toy.registry()

    planned = plan(registry, select(registry, Selection(targets=("control:*", "near_miss:*"))), ci=False)

    assert sorted(sorted(cell.target for cell in batch.cells) for batch in planned.batches) == [
        ["control:a", "control:b"],
        ["control:alone"],
        ["near_miss:odd"],
    ]


def test_missing_package_of_a_control_skips_it_by_name(toy: Toy) -> None:
    toy.context().probe().control("odd", more="passes=('works',), requires=('no_such_loop',)")
    registry = toy.registry()

    (record,) = plan(registry, select(registry, Selection(targets=("near_miss:*",))), ci=False).settled

    assert (record.outcome, record.detail) == (Outcome.SKIP, "not installed: no_such_loop")


def test_control_of_another_system_is_skipped(toy: Toy) -> None:
    toy.context().probe().control("lossy", more="caught_by=('works',), platforms=('plan9',)")
    registry = toy.registry()

    (record,) = plan(registry, select(registry, Selection(targets=("control:*",))), ci=True).settled

    assert "the control means nothing on" in record.detail
