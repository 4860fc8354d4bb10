"""What a check's end means: pass, fail, refused or an error of the matrix; and what each target runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from matrix.cells import Selection, select
from matrix.model import Outcome
from matrix.perform import judge_here

if TYPE_CHECKING:
    from matrix.perform import Finding
    from tests.helpers.registries import Toy


def finding_of(toy: Toy, target: str = "agent_runtime") -> Finding:
    """Judge the only cell of a target right here: the toy context is a plain script, and so is a test."""
    registry = toy.registry()
    (cell,) = select(registry, Selection(targets=(target,)))
    return judge_here(registry, cell, None)


@pytest.mark.parametrize(
    ("check", "outcome", "detail"),
    [
        pytest.param("run(None, {})", Outcome.PASS, "", id="returns"),
        pytest.param(
            "expect(got=run(None, {}), wanted=3, of='the sum')",
            Outcome.FAIL,
            "the sum: wanted 3, got {}",
            id="expected_something_else",
        ),
        pytest.param(
            "run(None, {})\nassert 1 == 2", Outcome.FAIL, "an assertion failed", id="bare_assertion"
        ),
        pytest.param(
            "run(None, {})\nraise ValueError('no')", Outcome.FAIL, "ended in ValueError: no", id="exception"
        ),
        pytest.param(
            "run(None, {})\nraise SystemExit(3)", Outcome.FAIL, "ended in SystemExit: 3", id="system_exit"
        ),
        pytest.param(
            "run(None, {})\nraise KeyboardInterrupt", Outcome.FAIL, "ended in KeyboardInterrupt", id="ctrl_c"
        ),
        pytest.param("pass", Outcome.ERROR, "check never called run", id="never_called"),
        pytest.param(
            "raise ValueError('no')",
            Outcome.ERROR,
            "check never called run; it ended in: ended in ValueError: no",
            id="raised_before_it_called",
        ),
    ],
)
def test_outcome_follows_from_how_the_check_ends(toy: Toy, check: str, outcome: Outcome, detail: str) -> None:
    toy.context().probe("works", check)

    finding = finding_of(toy)

    assert (finding.outcome, finding.detail) == (outcome, detail)


def test_failure_brings_the_traceback_of_the_check(toy: Toy) -> None:
    toy.context().probe("works", "run(None, {})\nraise ValueError('no')")

    assert "in check" in finding_of(toy).traceback


def test_exception_whose_text_cannot_be_made_is_still_a_failure(toy: Toy) -> None:
    check = """
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError
    run(None, {})
    raise Mute
    """
    toy.context().probe("works", check)

    assert finding_of(toy).outcome is Outcome.FAIL


def test_what_the_probe_saw_is_kept_also_of_a_pass(toy: Toy) -> None:
    toy.context().probe("works", "expect(got=run(None, {}), wanted={}, of='outputs')\nobserve('loops', 1)")

    assert finding_of(toy).observations == {"outputs": "{}", "loops": "1"}


def test_control_runs_the_entry_point_under_the_probes_own_broken_bridge(toy: Toy) -> None:
    toy.context().probe()

    assert finding_of(toy, "control").detail == "outputs: wanted {'n': 1}, got {}"


def test_control_that_is_not_broken_passes(toy: Toy) -> None:
    toy.context().probe(broken="return run")

    assert finding_of(toy, "control").outcome is Outcome.PASS


def test_peer_gets_the_async_variant_of_the_entry_point(toy: Toy) -> None:
    toy.context().probe().peer("bridge", "return asyncio.run(source.run_async(inputs))")

    assert finding_of(toy, "bridge").outcome is Outcome.PASS


@pytest.mark.parametrize(
    "check",
    [
        pytest.param("run(Source(''), {})", id="escapes"),
        pytest.param(
            "try: run(Source(''), {})\nexcept Exception as e: expect(got=e, wanted=1, of='x')", id="caught"
        ),
    ],
)
def test_refusal_is_refused_also_when_the_check_caught_it(toy: Toy, check: str) -> None:
    toy.context().probe("works", check).peer("bridge", "raise Refused('not inside a loop')")

    finding = finding_of(toy, "bridge")

    assert (finding.outcome, finding.detail) == (Outcome.REFUSED, "not inside a loop")


def test_refusal_that_the_check_allows_is_a_pass(toy: Toy) -> None:
    toy.context().probe("works", "try: run(Source(''), {})\nexcept Refused: pass")
    toy.peer("bridge", "raise Refused('not inside a loop')")

    assert finding_of(toy, "bridge").outcome is Outcome.PASS


def test_record_of_a_real_run_is_plain_data_and_says_where_it_ran(toy: Toy) -> None:
    toy.context().probe()

    data = json.loads(toy.run()["works"].as_line())

    assert data["schema"] == 2
    assert data["cell"] == "agent_runtime/toy/script/works"
    assert data["facts"] == {
        "running_loop": None,
        "current_task": False,
        "main_thread": True,
        "kernel": False,
        "suspendable": False,
        "evidence": {},
    }
    assert data["fingerprint"]["python"]
    assert data["observations"] == {"outputs": "{'n': 1}"}
