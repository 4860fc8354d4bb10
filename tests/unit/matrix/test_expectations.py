"""The file of known failures: what it says of a cell, how it is refused, and what is objected to it."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from matrix.conditions import Condition, Environment
from matrix.expectations import Expectations, ExpectationsError
from matrix.fingerprint import fingerprint
from matrix.judged import judge_record
from matrix.model import Cell, Outcome
from matrix.objections import objections_of_file, objections_of_run
from matrix.record import Record
from matrix.verdict import Verdict

KNOWN = [
    Cell("agent_runtime", entry_point, context, "works")
    for entry_point in ("run_workflow", "runtime_run")
    for context in ("plain_script", "jupyter_cell")
]
GOOD = """
[[expectation]]
cells = "agent_runtime/*/jupyter_cell/works"
outcome = "hang"
reason = "the kernel keeps it"
issue = "#12"
"""
PATH = Path("expectations.toml")
TODAY = datetime.date(2026, 11, 21)


def parsed(text: str, **environment: object) -> Expectations:
    found = Expectations.parse(text, PATH)
    here = {**fingerprint(), **environment}
    return Expectations(found.entries, PATH, Environment.of(here))


def objections(text: str, **environment: object) -> list[str]:
    return list(map(str, objections_of_file(parsed(text, **environment), known=KNOWN, today=TODAY)))


def shown(text: str, outcomes: list[Outcome | None]) -> list[str]:
    """Return what is objected after a run in which the known cells came out so; None for not run."""
    expectations = parsed(text)
    judged = [
        judge_record(Record(cell, outcome), expectations)
        for cell, outcome in zip(KNOWN, outcomes, strict=True)
        if outcome is not None
    ]
    return list(map(str, objections_of_run(expectations, judged, known=KNOWN)))


def test_entry_speaks_of_the_cells_that_its_pattern_matches() -> None:
    expectations = parsed(GOOD)

    assert {cell.id for cell in KNOWN if expectations.of(cell) is not None} == {
        "agent_runtime/run_workflow/jupyter_cell/works",
        "agent_runtime/runtime_run/jupyter_cell/works",
    }


def test_entry_may_list_patterns() -> None:
    ids = '["agent_runtime/run_workflow/*/works", "agent_runtime/*/jupyter_cell/works"]'
    expectations = parsed(GOOD.replace('"agent_runtime/*/jupyter_cell/works"', ids))

    assert [cell.id for cell in KNOWN if expectations.of(cell) is None] == [
        "agent_runtime/runtime_run/plain_script/works"
    ]


def test_missing_file_expects_nothing(tmp_path: Path) -> None:
    assert Expectations.read(tmp_path / "expectations.toml").of(KNOWN[0]) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("[[expectation", ": not TOML", id="not_toml"),
        pytest.param(
            "[[expected]]\n", ":1: unknown key 'expected'; write [[expectation]]", id="unknown_table"
        ),
        pytest.param("expectation = 1", ":1: expectation is not a list; write [[expectation]]", id="no_list"),
        pytest.param("expectation = [1]", ":1: 1 entries, 0 headings; write [[expectation]]", id="no_table"),
        pytest.param("expectation = [{cells = 1}]", "1 entries, 0 headings; write", id="inline_table"),
        pytest.param(
            GOOD + 'expires_on = "now"', ":7: unknown key 'expires_on'; an entry has", id="unknown_key"
        ),
        pytest.param(
            GOOD + '"signature" = "x"', "write signature = ... on a line of its own", id="quoted_key"
        ),
        pytest.param(
            GOOD.replace('reason = "the kernel keeps it"', ""), ":2: reason is missing", id="no_reason"
        ),
        pytest.param(
            GOOD.replace("the kernel keeps it", " "), ":5: reason is empty; say in", id="empty_reason"
        ),
        pytest.param(GOOD.replace("#12", ""), ":6: issue is empty; name where", id="empty_issue"),
        pytest.param(
            GOOD.replace('"#12"', "12"), ":6: issue is not a text; write issue =", id="issue_number"
        ),
        pytest.param(
            GOOD.replace('"hang"', '"error"'), ":4: outcome 'error' cannot be", id="expects_an_error"
        ),
        pytest.param(GOOD.replace('"hang"', '"pass"'), "write one of fail, hang, crash", id="expects_a_pass"),
        pytest.param(GOOD.replace('"hang"', "[1]"), ":4: outcome [1] cannot be expected", id="outcome_list"),
        pytest.param(
            GOOD.replace("agent_runtime/*/", ""), ":3: cells 'jupyter_cell/works' is not", id="no_cell"
        ),
        pytest.param(GOOD.replace("agent_runtime/", "*/"), ":3: cells '*/*/jupyter", id="covers_controls"),
        pytest.param(
            GOOD.replace('"agent_runtime/*/jupyter_cell/works"', "[]"), ":3: cells is", id="no_pattern"
        ),
        pytest.param(
            GOOD + 'condition = "python < 3"', ":7: condition: not a PEP 508 marker", id="no_marker"
        ),
        pytest.param(
            GOOD + "condition = \"extra == 'x'\"", ":7: condition: 'extra' is not known of a run", id="extra"
        ),
        pytest.param(GOOD + 'packages = "uvloop"', ":7: packages is not a list", id="packages_are_a_text"),
        pytest.param(
            GOOD + 'packages = ["uv loop"]', ":7: packages: 'uv loop' is no req", id="no_requirement"
        ),
        pytest.param(
            GOOD + 'packages = ["x[y]<2"]', "'x[y]<2' says more than a version", id="requirement_extra"
        ),
        pytest.param(GOOD + 'expires = "2027-01-31"', ":7: expires is not a day; write", id="day_in_quotes"),
        pytest.param(GOOD + "expires = 2027-01-31T10:00:00", ":7: expires is not a day", id="day_with_time"),
    ],
)
def test_wrong_file_is_refused_with_line_and_what_to_write(text: str, sentence: str) -> None:
    with pytest.raises(ExpectationsError) as caught:
        parsed(text)

    assert str(PATH) + (sentence if sentence.startswith(":") else "") in str(caught.value)
    assert sentence in str(caught.value)


def test_all_mistakes_of_a_file_are_listed_at_once() -> None:
    with pytest.raises(ExpectationsError) as caught:
        parsed(GOOD.replace('"hang"', '"pass"') + GOOD.replace("#12", ""))

    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(GOOD, [], id="good"),
        pytest.param(
            GOOD.replace("/works", "/work"),
            ["expectations.toml:3: dead: 'agent_runtime/*/jupyter_cell/work' matches no cell: there is"],
            id="dead",
        ),
        pytest.param(
            GOOD.replace("/works", "/work") + "condition = \"python_version < '3'\"",
            ["matches no cell"],
            id="dead_under_a_condition_too",
        ),
        pytest.param(
            GOOD + GOOD.replace("*", "run_workflow"),
            ["expectations.toml:9: duplicate: it and line 2 both speak of agent_runtime/run_workflow"],
            id="duplicate",
        ),
        pytest.param(
            GOOD + "expires = 2026-11-20",
            ["expectations.toml:7: expired: it was to stand until 2026-11-20, and today is 2026-11-21"],
            id="expired",
        ),
        pytest.param(GOOD + "expires = 2026-11-21", [], id="last_day"),
    ],
)
def test_file_meets_objections_that_name_line_and_what_to_write(text: str, found: list[str]) -> None:
    told = objections(text)

    assert len(told) == len(found)
    assert all(sentence in one for sentence, one in zip(found, told, strict=True))


@pytest.mark.parametrize(
    ("first", "second", "number"),
    [
        pytest.param("", "", 1, id="both_always"),
        pytest.param("", "sys_platform == 'plan9'", 1, id="one_always"),
        pytest.param("sys_platform == 'plan9'", "sys_platform == 'plan9'", 1, id="same_elsewhere"),
        pytest.param("python_version >= '3'", "python_version >= '3.1'", 1, id="both_here"),
        pytest.param("python_version < '3'", "python_version >= '3'", 0, id="exclude_each_other"),
    ],
)
def test_entries_may_speak_of_a_cell_where_their_conditions_exclude_each_other(
    first: str, second: str, number: int
) -> None:
    text = "".join(
        GOOD + (f'condition = "{condition}"\n' if condition else "") for condition in (first, second)
    )

    assert len(objections(text)) == number


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        pytest.param(Condition(), True, id="none"),
        pytest.param(Condition("python_version < '3.12'"), True, id="python"),
        pytest.param(Condition("python_version < '3.9'"), False, id="python_is_compared_as_a_version"),
        pytest.param(Condition("python_full_version >= '3.11.9'"), True, id="python_to_the_last_digit"),
        pytest.param(Condition("sys_platform == 'win32' and os_name == 'nt'"), True, id="system"),
        pytest.param(Condition("platform_system == 'Linux'"), False, id="another_system"),
        pytest.param(Condition("implementation_name == 'cpython'"), True, id="implementation"),
        pytest.param(Condition(packages=("ipykernel<7",)), True, id="package"),
        pytest.param(Condition(packages=("IPyKernel>=6.29,<7",)), True, id="name_of_a_package_in_any_case"),
        pytest.param(Condition(packages=("ipykernel>=7",)), False, id="other_version"),
        pytest.param(Condition(packages=("uvloop",)), False, id="package_that_is_not_there"),
        pytest.param(Condition("python_version < '3'", ("ipykernel<7",)), False, id="all_must_hold"),
    ],
)
def test_condition_is_held_against_what_the_run_ran_on(condition: Condition, holds: bool) -> None:
    ran_on = fingerprint() | {
        "python": "3.11.9",
        "implementation": "CPython",
        "system": "Windows",
        "sys_platform": "win32",
        "os_name": "nt",
        "packages": {"ipykernel": "6.30.1"},
    }

    assert condition.holds_in(Environment.of(ran_on)) is holds


def test_markers_of_this_process_are_those_of_the_packaging_library() -> None:
    from packaging.markers import default_environment

    ours = dict(Environment.of(fingerprint()).markers)

    assert ours == {name: value for name, value in default_environment().items() if name in ours}


def test_entry_whose_condition_does_not_hold_excuses_nothing() -> None:
    expectations = parsed(GOOD + "condition = \"python_version < '3'\"")

    assert judge_record(Record(KNOWN[1], Outcome.HANG), expectations).verdict is Verdict.REGRESSION


@pytest.mark.parametrize(
    ("signature", "verdict"),
    [
        pytest.param("hang-1", Verdict.OK, id="same_failure"),
        pytest.param("hang-2", Verdict.REGRESSION, id="another_failure_with_the_same_outcome"),
        pytest.param("", Verdict.REGRESSION, id="failure_without_a_signature"),
    ],
)
def test_signature_of_the_record_must_be_the_expected_one(signature: str, verdict: Verdict) -> None:
    expectations = parsed(GOOD + 'signature = "hang-1"')

    judged = judge_record(Record(KNOWN[1], Outcome.HANG, signature=signature), expectations)

    assert judged.verdict is verdict
    assert "(expected is hang hang-1)" in judged.sentence


PASS, HANG, SKIP = Outcome.PASS, Outcome.HANG, Outcome.SKIP


@pytest.mark.parametrize(
    ("outcomes", "found"),
    [
        pytest.param([PASS, HANG, PASS, HANG], [], id="as_expected"),
        pytest.param(
            [PASS, PASS, PASS, PASS], ["3: stale: all of its cells pass", "delete the entry"], id="stale"
        ),
        pytest.param(
            [PASS, PASS, PASS, HANG],
            [
                "3: over-broad: 1 of the cells that it covers pass: agent_runtime/run_workflow/",
                'narrow it to cells = ["agent_runtime/runtime_run/jupyter_cell/works"]',
            ],
            id="over_broad",
        ),
        pytest.param(
            [None, PASS, None, None],
            ['narrow it to cells = ["agent_runtime/runtime_run/jupyter_cell/works"]'],
            id="cell_that_did_not_run_may_fail_still",
        ),
        pytest.param([PASS, SKIP, PASS, HANG], [], id="skip_says_nothing"),
        pytest.param([PASS, None, PASS, None], [], id="nothing_of_it_ran"),
    ],
)
def test_run_shows_which_entries_cover_cells_that_pass(
    outcomes: list[Outcome | None], found: list[str]
) -> None:
    told = shown(GOOD, outcomes)

    assert len(told) == bool(found)
    assert all(sentence in told[0] for sentence in found)
