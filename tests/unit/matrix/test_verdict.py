"""Outcome and expectation in, verdict out: the whole table."""

from __future__ import annotations

import pytest

from matrix.expectations import Expectation, Expectations
from matrix.judged import ExitCode, RunResult, judge_record
from matrix.model import Cell, Outcome, Phase
from matrix.record import Record
from matrix.verdict import Verdict, judge, judge_control

OK, REGRESSION, STALE, BROKEN = Verdict.OK, Verdict.REGRESSION, Verdict.STALE, Verdict.BROKEN
FAILURES = (Outcome.FAIL, Outcome.HANG, Outcome.CRASH, Outcome.REFUSED)
CELL = Cell("agent_runtime", "run_workflow", "plain_script", "works")


@pytest.mark.parametrize(
    ("got", "expected", "verdict"),
    [
        pytest.param(Outcome.PASS, None, OK, id="pass"),
        pytest.param(Outcome.SKIP, None, OK, id="skip"),
        pytest.param(Outcome.FAIL, None, REGRESSION, id="new_failure"),
        pytest.param(Outcome.HANG, None, REGRESSION, id="new_hang"),
        pytest.param(Outcome.CRASH, None, REGRESSION, id="new_crash"),
        pytest.param(Outcome.REFUSED, None, REGRESSION, id="new_refusal"),
        pytest.param(Outcome.ERROR, None, BROKEN, id="harness_fault"),
        pytest.param(Outcome.FAIL, Outcome.FAIL, OK, id="known_failure"),
        pytest.param(Outcome.HANG, Outcome.HANG, OK, id="known_hang"),
        pytest.param(Outcome.HANG, Outcome.FAIL, REGRESSION, id="known_failure_hangs_now"),
        pytest.param(Outcome.FAIL, Outcome.HANG, REGRESSION, id="known_hang_fails_now"),
        pytest.param(Outcome.PASS, Outcome.FAIL, STALE, id="known_failure_is_fixed"),
        pytest.param(Outcome.PASS, Outcome.HANG, STALE, id="known_hang_is_fixed"),
        pytest.param(Outcome.SKIP, Outcome.FAIL, OK, id="known_failure_cannot_run_here"),
        pytest.param(Outcome.ERROR, Outcome.FAIL, BROKEN, id="harness_fault_never_hides"),
    ],
)
def test_verdict_follows_from_outcome_and_expectation(
    got: Outcome, expected: Outcome | None, verdict: Verdict
) -> None:
    assert judge(got, expected=expected) is verdict


@pytest.mark.parametrize("got", Outcome)
@pytest.mark.parametrize("expected", [None, *FAILURES])
def test_only_a_pass_a_skip_or_what_was_expected_is_ok(got: Outcome, expected: Outcome | None) -> None:
    harmless = got is Outcome.SKIP or (got is Outcome.PASS and expected is None)

    assert (judge(got, expected=expected) is OK) == (harmless or got is expected)


@pytest.mark.parametrize(
    ("got", "phase", "verdict"),
    [
        pytest.param(Outcome.FAIL, None, OK, id="noticed"),
        pytest.param(Outcome.HANG, Phase.CALL, OK, id="noticed_by_hanging"),
        pytest.param(Outcome.CRASH, Phase.CALL, OK, id="noticed_by_crashing"),
        pytest.param(Outcome.SKIP, None, OK, id="means_nothing_here"),
        pytest.param(Outcome.PASS, None, BROKEN, id="not_noticed"),
        pytest.param(Outcome.ERROR, None, BROKEN, id="harness_fault"),
        pytest.param(Outcome.REFUSED, None, BROKEN, id="never_tried"),
        pytest.param(Outcome.HANG, Phase.ENTER, BROKEN, id="host_never_came_up"),
        pytest.param(Outcome.CRASH, Phase.ENTER, BROKEN, id="host_died_first"),
        pytest.param(Outcome.CRASH, Phase.EXIT, BROKEN, id="host_died_afterwards"),
    ],
)
def test_control_is_caught_only_by_its_probe(got: Outcome, phase: Phase | None, verdict: Verdict) -> None:
    assert judge_control(got, phase) is verdict


def result_of(*pairs: tuple[Cell, Outcome], expectations: Expectations | None = None) -> RunResult:
    known = expectations or Expectations()
    return RunResult(tuple(judge_record(Record(cell, outcome), known) for cell, outcome in pairs))


CONTROL = Cell("control", "run_workflow", "plain_script", "works")


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        pytest.param([(CELL, Outcome.PASS), (CONTROL, Outcome.FAIL)], ExitCode.EXPECTED, id="green"),
        pytest.param([(CELL, Outcome.FAIL), (CONTROL, Outcome.FAIL)], ExitCode.UNEXPECTED, id="regression"),
        pytest.param([(CELL, Outcome.PASS), (CONTROL, Outcome.PASS)], ExitCode.BROKEN, id="uncaught_control"),
        pytest.param([(CELL, Outcome.FAIL), (CONTROL, Outcome.PASS)], ExitCode.BROKEN, id="control_outranks"),
        pytest.param([(CELL, Outcome.ERROR)], ExitCode.BROKEN, id="harness_fault"),
    ],
)
def test_exit_code_of_a_run_is_that_of_its_worst_verdict(
    pairs: list[tuple[Cell, Outcome]], code: ExitCode
) -> None:
    assert result_of(*pairs).exit_code is code


def test_uncaught_control_comes_first_and_says_that_passes_prove_nothing() -> None:
    broken = Cell("agent_runtime", "run_workflow", "plain_script", "a_error")

    first = result_of((broken, Outcome.ERROR), (CELL, Outcome.FAIL), (CONTROL, Outcome.PASS)).unexpected[0]

    assert first.cell == CONTROL
    assert first.sentence.startswith("uncaught control")


def test_control_cannot_be_excused() -> None:
    excuse = Expectations((Expectation(("*/*/*/*",), Outcome.FAIL, "because", "#1"),))

    assert result_of((CONTROL, Outcome.PASS), expectations=excuse).exit_code is ExitCode.BROKEN


def test_stale_expectation_is_named_in_the_report() -> None:
    known = Expectations(
        (Expectation(("agent_runtime/*/plain_script/works",), Outcome.FAIL, "because", "#1"),)
    )

    (stale,) = result_of((CELL, Outcome.PASS), expectations=known).unexpected

    assert stale.verdict is Verdict.STALE
    assert "'agent_runtime/*/plain_script/works' says not; delete the entry" in stale.sentence


def test_rate_of_a_run_counts_what_hosts_have_performed_and_not_what_was_skipped() -> None:
    skipped = Cell("agent_runtime", "run_workflow", "plain_script", "means_nothing_here")
    records = [Record(CELL, Outcome.PASS, host=1), Record(CONTROL, Outcome.FAIL, host=2)]
    records.append(Record(skipped, Outcome.SKIP))
    judged = tuple(judge_record(record, Expectations()) for record in records)

    result = RunResult(judged, seconds=0.5)

    assert result.performed == 2
    assert result.rate == 4.0
