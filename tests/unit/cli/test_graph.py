"""``agent-runtime graph``: what is to be seen of a workflow."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from agent_runtime import load_workflow
from agent_runtime.cli import main
from agent_runtime.drawing import drawing_of, to_mermaid
from agent_runtime.expressions import Pairs
from agent_runtime.workflow.model import FunctionCall, Step, Workflow
from tests.helpers.command_line import ROOT

EVERYTHING = """
name: everything
steps:
  - {id: first, tool: a.b, retry: {attempts: 3}, timeout: 5}
  - id: ask
    agent: {scenario: triage, version: "2", messages: [{role: user, content: "${steps.first.output}"}]}
    when: "${steps.first.output == 'x'}"
  - id: block
    needs: [ask]
    parallel:
      - {id: left, function: f}
      - {id: right, function: g, on_error: continue}
  - id: each
    function: h
    for_each: "${steps.first.output}"
    with: {x: "${item}"}
    fallback: {function: i}
    compensate: {function: j}
"""


def test_mermaid_has_a_node_for_each_step_and_an_arrow_for_each_wait() -> None:
    text = to_mermaid(drawing_of(load_workflow(EVERYTHING)))

    assert text.splitlines() == [
        "flowchart TD",
        "  accTitle: everything",
        "  accDescr: The steps of the workflow, and what each waits for.",
        '  s0[["first<br/>tool a.b<br/>3 attempts<br/>5 s at most"]]',
        '  s1(["ask<br/>agent triage 2<br/>when steps.first.output #61;#61; #39;x#39;"])',
        "  class s1 conditional",
        '  subgraph s2["block<br/>parallel"]',
        '    s2_0["left<br/>function f"]',
        '    s2_1["right<br/>function g<br/>goes on after a failure"]',
        "  end",
        '  s3["each<br/>function h<br/>for each of steps.first.output, 16 at once"]',
        '  s4["fallback<br/>function i"]',
        '  s5["compensate<br/>function j"]',
        '  s3 -. "on failure" .-> s4',
        '  s3 -. "undone by" .-> s5',
        "  s0 --> s1",
        "  s1 --> s2",
        "  s0 --> s3",
        "  classDef conditional stroke-dasharray: 5 3",
    ]


@pytest.mark.parametrize(
    "hostile",
    [
        '"] --> s9["',
        "<script>alert(1)</script>",
        "a\nclick s0 href",
        "%%{init: {}}%%",
        "`*b*`",
        "#quot;",
        "1. one",
        "- one",
    ],
)
def test_nothing_of_a_file_is_taken_for_mermaid_or_html(hostile: str) -> None:
    step = Step(hostile, FunctionCall(hostile, Pairs(())))
    workflow = Workflow(hostile, hostile, "<steps>", (step,), description=hostile)

    lines = to_mermaid(drawing_of(workflow)).splitlines()

    (node,) = lines[3:]
    assert re.fullmatch(r'  s0\["[^"`<>&{}\[\]%*]*<br/>function [^"`<>&{}\[\]%*]*"\]', node)
    assert not re.search(r"#(?!\d+;)", node)
    assert not re.search(r'"(?:\d+\.|-) ', node)
    assert all(re.fullmatch(r"  acc(?:Title|Descr): [\w .,:()/+-]*", line) for line in lines[1:3])


def test_graph_is_written_to_stdout_or_to_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "sums.yaml"]) == 0
    shown = capsys.readouterr().out
    assert main(["graph", "sums.yaml", "--output", "sums.mmd"]) == 0

    assert shown.startswith("flowchart TD\n  accTitle: sums\n")
    assert (folder / "sums.mmd").read_text(encoding="utf-8") == shown


def test_wrong_workflow_is_not_drawn(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.yaml").write_text("steps: []\n", encoding="utf-8")

    assert main(["graph", "bad.yaml"]) == 3
    assert "'steps' is empty" in capsys.readouterr().err


def test_file_that_cannot_be_written_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "sums.yaml", "--output", "no/such/folder"]) == 2
    assert "the file cannot be written" in capsys.readouterr().err


def test_file_that_is_read_is_never_written_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "sums.yaml").read_text(encoding="utf-8")
    host = ["--functions", "host:FUNCTIONS", "--tools", "host:TOOLS", "--input", "number=1"]

    assert main(["graph", "sums.yaml", "--output", "./sums.yaml"]) == 2
    assert main(["run", "sums.yaml", *host, "--trace", "sums.yaml"]) == 2
    assert capsys.readouterr().err.count("name another file to write to") == 2
    assert (folder / "sums.yaml").read_text(encoding="utf-8") == before


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors are closed by a POSIX shell")
def test_command_without_stdout_and_stderr_works(folder: Path) -> None:
    script = f"{shlex.quote(sys.executable)} -m agent_runtime validate sums.yaml >&- 2>&-"

    done = subprocess.run(
        ["bash", "-c", script], timeout=60, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )

    assert done.returncode == 0
