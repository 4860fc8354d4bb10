"""The power of the probes: which catches which control, and what is said of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.judged import ExitCode
from matrix.model import Cell, Control, Outcome, Phase, Probe
from matrix.power import Catch, Plan, Power, power_of
from matrix.power_report import as_data, as_lines, as_markdown, line_of
from matrix.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.helpers.registries import Toy

RIGHT = "return dict(inputs)"
PROBES = (Probe("a", "it works", "S1"), Probe("b", "it works", "S2"), Probe("c", "it works", "S2"))
LOSSY = Control("lossy", "loses outputs", caught_by=("a",), context="script")
ODD = Control("odd", "looks odd", passes=("a",), without=("b",), context="script")
SIGNS = "@ caught by a probe that it names   o caught by another one   . not seen   + a near miss that passes"
PASS, FAIL, SKIP, HANG, ERROR = Outcome.PASS, Outcome.FAIL, Outcome.SKIP, Outcome.HANG, Outcome.ERROR


def power_with(
    outcomes: Mapping[str, Mapping[str, Outcome]], *controls: Control, interrupted: bool = False
) -> Power:
    """Return what outcomes come to: by target and probe, all in the context "script"."""
    records = [
        Record(Cell(target, "toy", "script", probe), outcome, phase=Phase.CALL)
        for target, found in outcomes.items()
        for probe, outcome in found.items()
    ]
    return power_of(Plan(controls, PROBES, ("script",), ()), records, interrupted=interrupted)


@pytest.mark.parametrize(
    ("outcomes", "catches", "code"),
    [
        pytest.param(
            (FAIL, PASS, SKIP), (Catch.NAMED, Catch.UNSEEN, Catch.MEANINGLESS), 0, id="caught_as_named"
        ),
        pytest.param(
            (HANG, FAIL, PASS), (Catch.NAMED, Catch.ALSO, Catch.UNSEEN), 0, id="caught_by_another_too"
        ),
        pytest.param(
            (PASS, FAIL, PASS), (Catch.MISSED, Catch.ALSO, Catch.UNSEEN), 3, id="caught_by_another_only"
        ),
        pytest.param((PASS, PASS, PASS), (Catch.MISSED, Catch.UNSEEN, Catch.UNSEEN), 3, id="caught_by_none"),
        pytest.param((ERROR, PASS, ERROR), (Catch.MISSED, Catch.UNSEEN, Catch.SPOILT), 3, id="matrix_failed"),
    ],
)
def test_broken_bridge_has_to_be_caught_by_each_probe_that_it_names(
    outcomes: tuple[Outcome, ...], catches: tuple[Catch, ...], code: int
) -> None:
    found = power_with({"control:lossy": dict(zip("abc", outcomes, strict=True))}, LOSSY)

    assert tuple(found.rows[0].catches.values()) == catches
    assert found.exit_code == code


@pytest.mark.parametrize(
    ("outcomes", "catches", "code"),
    [
        pytest.param(
            (PASS, FAIL, PASS), (Catch.HELD, Catch.ALSO, Catch.HELD), 0, id="fails_what_it_does_not_promise"
        ),
        pytest.param(
            (PASS, PASS, FAIL), (Catch.HELD, Catch.HELD, Catch.REJECTED), 3, id="fails_what_it_does_not_name"
        ),
        pytest.param((SKIP, PASS, PASS), (Catch.MEANINGLESS, Catch.HELD, Catch.HELD), 0, id="skipped"),
    ],
)
def test_near_miss_has_to_pass_every_probe_whose_promise_it_makes(
    outcomes: tuple[Outcome, ...], catches: tuple[Catch, ...], code: int
) -> None:
    found = power_with({"near_miss:odd": dict(zip("abc", outcomes, strict=True))}, ODD)

    assert tuple(found.rows[0].catches.values()) == catches
    assert found.exit_code == code


def test_catch_in_another_context_than_the_stated_one_does_not_count_as_named() -> None:
    records = [
        Record(Cell("control:lossy", "toy", "script", "a"), PASS),
        Record(Cell("control:lossy", "toy", "elsewhere", "a"), FAIL),
    ]

    (row,) = power_of(Plan((LOSSY,), PROBES[:1], ("script", "elsewhere"), ()), records).rows

    assert row.catches == {"a": Catch.MISSED}


def test_table_shows_a_sign_for_each_probe_under_its_promise() -> None:
    found = power_with(
        {
            "control:lossy": {"a": FAIL, "b": PASS, "c": FAIL},
            "near_miss:odd": {"a": PASS, "b": FAIL, "c": PASS},
        },
        LOSSY,
        ODD,
    )

    assert as_lines(found, ascii_only=True) == [
        "               S1 S2",
        "                  ab",
        "control:lossy  @  .o",
        "near_miss:odd  +  o+",
        "",
        SIGNS,
        "",
        "probe, and how many broken bridges it catches:",
        "  S1   a  1, 1 by name",
        "  S2a  b  0",
        "  S2b  c  1",
        "",
        "1 of 1 broken bridges caught, 1 as they name it",
        "near misses: 1 of 1 pass all that they promise",
        "suspicious: b: no broken bridge is caught",
    ]


def test_score_names_what_escaped_what_was_missed_and_what_was_rejected() -> None:
    missed = Control("missed", "is seen by another", caught_by=("b",), context="script")
    found = power_with(
        {
            "control:lossy": {"a": PASS, "b": PASS, "c": PASS},
            "control:missed": {"a": FAIL, "b": PASS, "c": PASS},
            "near_miss:odd": {"a": FAIL, "b": PASS, "c": PASS},
        },
        LOSSY,
        missed,
        ODD,
    )

    said = as_lines(found, ascii_only=True)

    assert said[-6:] == [
        "1 of 2 broken bridges caught, 0 as they name it",
        "near misses: 0 of 1 pass all that they promise",
        "uncaught: control:lossy (loses outputs)",
        "control:missed: not caught by b",
        "near_miss:odd: failed by a",
        "suspicious: b, c: no broken bridge is caught",
    ]


def test_control_that_names_none_of_the_chosen_probes_is_shown_and_not_counted() -> None:
    other = Control("other", "is about something else", caught_by=("z",), context="script")

    found = power_with({"control:other": {"a": PASS, "b": PASS, "c": PASS}}, other)

    assert (found.broken, found.uncaught, found.exit_code) == ([], [], ExitCode.EXPECTED)
    assert line_of(found.rows[0], ascii_only=True) == ". control:other: caught by nothing"


def test_interrupted_power_says_so_and_calls_no_probe_suspicious() -> None:
    found = power_with({"control:lossy": {"a": FAIL}}, LOSSY, interrupted=True)

    assert found.exit_code is ExitCode.INTERRUPTED
    assert as_lines(found, ascii_only=True)[-1] == "interrupted: what is left out could not be judged"


def test_page_of_power_has_the_table_and_a_row_for_each_probe() -> None:
    page = as_markdown(power_with({"control:lossy": {"a": FAIL, "b": PASS, "c": SKIP}}, LOSSY))

    assert page.startswith("## Power: 1 of 1 broken bridges caught, 1 as they name it\n")
    assert "| control | S1 | S2a | S2b |" in page
    assert "| `control:lossy` | ● | · |   |" in page
    assert "| S1 | `a` | 1 | 1 |" in page


def test_data_of_power_keeps_the_outcomes_by_context() -> None:
    data = as_data(power_with({"control:lossy": {"a": FAIL, "b": PASS, "c": SKIP}}, LOSSY))

    assert data["score"] == {"caught": 1, "of": 1}
    controls = data["controls"]
    assert isinstance(controls, dict)
    assert controls["control:lossy"]["outcomes"] == {"script": {"a": "fail", "b": "pass", "c": "skip"}}


def test_command_lets_every_probe_meet_every_control_and_writes_the_table(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe().probe("blind", check="run(Source('name: toy'), {'n': 1})")
    toy.control("lossy").control("odd", RIGHT, more="passes=('works',)")
    where = ["--registry", str(toy.root), "--results", str(tmp_path / "results")]

    code = main(["power", "--context", "script", *where])

    shown = capsys.readouterr().out
    data = json.loads((tmp_path / "results" / "power.json").read_text(encoding="utf-8"))
    assert code == ExitCode.EXPECTED
    assert "✓ control:lossy: caught by works" in shown
    assert "suspicious: blind: no broken bridge is caught" in shown
    assert data["controls"]["control:lossy"]["catches"] == {"blind": "unseen", "works": "named"}
    assert data["probes_that_catch_nothing"] == ["blind"]
    assert (tmp_path / "results" / "power.md").read_text(encoding="utf-8").startswith("## Power: 1 of 1")


def test_command_ends_with_3_when_a_control_escapes(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe().control("lossy", RIGHT)
    where = ["--registry", str(toy.root), "--results", str(tmp_path / "results")]

    assert main(["power", "--context", "script", "--json", *where]) == ExitCode.BROKEN
    assert json.loads(capsys.readouterr().out)["uncaught"] == ["control:lossy"]


def test_command_takes_controls_by_name_pattern_or_target_and_offers_the_nearest(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe().control("lossy").control("lossless", RIGHT, more="passes=('works',)").control(
        "deaf"
    )
    where = [
        "--context",
        "script",
        "--registry",
        str(toy.root),
        "--results",
        str(tmp_path / "results"),
        "--json",
    ]

    assert main(["power", "--control", "los*,control:deaf", *where]) == ExitCode.EXPECTED
    assert set(json.loads(capsys.readouterr().out)["controls"]) == {
        "control:lossy",
        "near_miss:lossless",
        "control:deaf",
    }
    assert main(["power", "--control", "losy", *where]) == ExitCode.USAGE
    assert "control:lossy" in capsys.readouterr().err
