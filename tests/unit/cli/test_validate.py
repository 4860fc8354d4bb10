"""``agent-runtime validate``: every mistake, where it stands, and what to write instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent_runtime.cli import main

BAD = """name: bad
steps:
  - id: a
    tool: t
    with: {x: "${steps.b.output"}
  - id: b
    functoin: y
"""

CLOSE = "end it with '}', or write '$${' for the characters"
ADD = "add one of 'agent', 'function', 'tool', 'workflow', 'approval', 'steps', 'parallel'"


def test_file_without_mistakes_is_said_to_have_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["validate", "sums.yaml"])

    assert (code, capsys.readouterr().out) == (0, "sums.yaml: no mistakes\n")


def test_every_mistake_of_every_file_is_shown_below_its_place(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.yaml").write_text(BAD, encoding="utf-8")
    (folder / "empty.yaml").write_text("", encoding="utf-8")

    code = main(["validate", "bad.yaml", "sums.yaml", "empty.yaml"])

    assert code == 3
    assert capsys.readouterr().out.splitlines() == [
        "bad.yaml:5:16: wrong reference: '${' is not closed; " + CLOSE,
        '     5 |     with: {x: "${steps.b.output"}',
        "       |                ^",
        "bad.yaml:6:5: step 'b' does not say what to do; " + ADD,
        "     6 |   - id: b",
        "       |     ^",
        "bad.yaml:7:5: unknown key 'functoin' in step 'b'; write 'function'",
        "     7 |     functoin: y",
        "       |     ^",
        "empty.yaml:1:1: the file is empty; write at least a 'steps' list",
        "     1 | ",
        "       | ^",
        "sums.yaml: no mistakes",
    ]


def test_json_has_the_parts_of_each_mistake(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.yaml").write_text(BAD, encoding="utf-8")

    code = main(["validate", "--json", "bad.yaml"])

    problems = json.loads(capsys.readouterr().out)
    assert code == 3
    assert problems[-1] == {
        "file": "bad.yaml",
        "line": 7,
        "column": 5,
        "message": "unknown key 'functoin' in step 'b'",
        "hint": "write 'function'",
    }


def test_json_of_no_mistakes_is_an_empty_array(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--json", "sums.yaml"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_names_are_checked_when_the_command_line_says_which_there_are(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", "sums.yaml", "--functions", "host:FUNCTIONS"]) == 3
    assert "step 'show' names the tool 'show', which is not registered" in capsys.readouterr().out
    assert main(["validate", "sums.yaml", "--functions", "host:FUNCTIONS", "--tools", "host:TOOLS"]) == 0


def test_workflows_below_an_allowed_folder_are_checked_as_well(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "outer.yaml").write_text("steps:\n  - {id: a, workflow: ./inner.yaml}\n", encoding="utf-8")
    (folder / "inner.yaml").write_text("steps:\n  - {id: b}\n", encoding="utf-8")

    code = main(["validate", "outer.yaml", "--workflow-folder", "."])

    assert code == 3
    assert f"{folder / 'inner.yaml'}:2:5: step 'b' does not say what to do" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("steps:\n  - id: a\n    tool: t\n    bogus\x1b[31m: 1\n", id="in_the_file"),
        pytest.param('steps:\n  - id: a\n    tool: t\n    "bogus\\e[31m": 1\n', id="in_a_key"),
        pytest.param("steps:\n  - id: a\n    tool: t\n    bogus\u202e: 1\n", id="direction"),
        pytest.param('steps:\n  - id: "a\\u009b31m\\u2066"\n    tool: t\n', id="c1"),
    ],
)
@pytest.mark.parametrize("how", [[], ["--json"]], ids=["text", "json"])
def test_nothing_of_a_file_acts_on_the_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, how: list[str]
) -> None:
    (folder / "bad.yaml").write_text(text, encoding="utf-8")

    code = main(["validate", "bad.yaml", *how])

    said = capsys.readouterr().out
    assert code == 3
    assert [each for each in said if not each.isprintable() and each != "\n"] == []


def test_long_line_is_shown_around_the_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = ", ".join(f"{{id: s{number}, tool: t}}" for number in range(500))
    (folder / "bad.yaml").write_text(f"steps: [{steps}, {{id: last, toool: t}}]\n", encoding="utf-8")

    main(["validate", "bad.yaml"])

    lines = capsys.readouterr().out.splitlines()
    shown, caret = lines[-2], lines[-1]
    assert "unknown key 'toool'" in lines[-3]
    assert len(shown) < 180
    assert shown[caret.index("^") :].startswith("toool")
