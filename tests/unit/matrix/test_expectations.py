"""The file of known failures: what it says of a cell, and how it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from matrix.expectations import Expectations, ExpectationsError
from matrix.model import Cell, Outcome

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "expectations.toml"


def test_entry_speaks_of_the_cells_that_its_pattern_matches(path: Path) -> None:
    path.write_text(GOOD, encoding="utf-8")

    expectations = Expectations.read(path, known=KNOWN)

    outcomes = {cell.id: entry.outcome for cell in KNOWN if (entry := expectations.of(cell)) is not None}
    assert outcomes == {
        "agent_runtime/run_workflow/jupyter_cell/works": Outcome.HANG,
        "agent_runtime/runtime_run/jupyter_cell/works": Outcome.HANG,
    }


def test_missing_file_expects_nothing(path: Path) -> None:
    assert Expectations.read(path, known=KNOWN).of(KNOWN[0]) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("[[expectation", "not TOML", id="not_toml"),
        pytest.param("[[expected]]\n", "unknown key 'expected'; write [[expectation]]", id="unknown_table"),
        pytest.param("expectation = 1", "write [[expectation]] with two brackets", id="not_a_list"),
        pytest.param("expectation = [1]", "entry 1: not a table", id="not_a_table"),
        pytest.param(
            GOOD + 'expires = "now"', "entry 1: unknown key 'expires'; an entry has cells", id="unknown_key"
        ),
        pytest.param(GOOD.replace('reason = "the kernel keeps it"', ""), "write reason =", id="no_reason"),
        pytest.param(
            GOOD.replace("the kernel keeps it", " "), "reason is missing or empty", id="empty_reason"
        ),
        pytest.param(GOOD.replace('issue = "#12"', "issue = 12"), "write issue =", id="issue_is_a_number"),
        pytest.param(GOOD.replace('"hang"', '"error"'), "'error' cannot be expected", id="expects_an_error"),
        pytest.param(GOOD.replace('"hang"', '"pass"'), "write one of fail, hang, crash", id="expects_a_pass"),
        pytest.param(
            GOOD.replace("agent_runtime/*/", ""), "is not a pattern; write TARGET/", id="not_a_cell"
        ),
        pytest.param(GOOD.replace("agent_runtime/", "*/"), "excuses controls", id="covers_controls"),
        pytest.param(GOOD.replace("/works", "/nothing"), "matches no cell; delete it", id="matches_nothing"),
        pytest.param(GOOD + GOOD, "entry 2 (agent_runtime/*/jupyter_cell/works) and entry 1", id="twice"),
    ],
)
def test_wrong_file_is_refused_with_what_to_write(path: Path, text: str, sentence: str) -> None:
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ExpectationsError) as caught:
        Expectations.read(path, known=KNOWN)

    assert str(path) in str(caught.value)
    assert sentence in str(caught.value)


def test_all_mistakes_of_a_file_are_listed_at_once(path: Path) -> None:
    path.write_text(GOOD.replace('"hang"', '"pass"') + GOOD.replace("/works", "/nothing"), encoding="utf-8")

    with pytest.raises(ExpectationsError) as caught:
        Expectations.read(path, known=KNOWN)

    assert len(caught.value.problems) == 2
