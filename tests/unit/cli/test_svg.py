"""A workflow as SVG: boxes that do not cover each other, lines that lead down, texts that stay texts."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from xml.etree import ElementTree

import hypothesis
import pytest
from hypothesis import strategies

from agent_runtime import load_workflow
from agent_runtime.cli import main
from agent_runtime.drawing import Drawing, Figure, Kind, drawing_of, to_svg
from agent_runtime.drawing.layers import Box, arrange
from agent_runtime.expressions import Pairs
from agent_runtime.workflow.model import FunctionCall, Step, Workflow
from tests.unit.cli.test_graph import EVERYTHING

NS = "{http://www.w3.org/2000/svg}"


@strategies.composite
def graphs(draw: strategies.DrawFn) -> tuple[list[Box], list[tuple[int, int]]]:
    """Boxes of many sizes, and lines that lead from lower numbers to higher ones."""
    count = draw(strategies.integers(1, 12))
    side = strategies.floats(1, 300)
    boxes = [Box(draw(side), draw(side)) for _ in range(count)]
    pairs = list(itertools.combinations(range(count), 2))
    return boxes, draw(strategies.lists(strategies.sampled_from(pairs), unique=True)) if pairs else []


@hypothesis.given(graphs())
def test_boxes_never_cover_each_other_and_lines_lead_down(
    graph: tuple[list[Box], list[tuple[int, int]]],
) -> None:
    boxes, lines = graph

    found = arrange(boxes, lines)

    placed = [(x, y, x + box.width, y + box.height) for box, (x, y) in zip(boxes, found.places, strict=True)]
    for (left, top, right, bottom), (left2, top2, right2, bottom2) in itertools.combinations(placed, 2):
        assert right <= left2 + 0.01 or right2 <= left + 0.01 or bottom <= top2 or bottom2 <= top
    for left, top, right, bottom in placed:
        assert left >= -0.01
        assert top >= 0
        assert right <= found.size.width + 0.01
        assert bottom <= found.size.height
    for (start, end), route in zip(lines, found.routes, strict=True):
        assert placed[start][3] == pytest.approx(route[0][1])
        assert placed[end][1] == pytest.approx(route[-1][1])
        assert [y for _, y in route] == sorted(y for _, y in route)


def test_chain_is_drawn_straight() -> None:
    box = Box(100, 40)

    found = arrange([box, box, box], [(0, 1), (1, 2)])

    assert {x for x, _ in found.places} == {0.0}


def test_document_is_named_described_and_has_every_step_and_line() -> None:
    tree = ElementTree.fromstring(to_svg(drawing_of(load_workflow(EVERYTHING))))

    texts = [node.text for node in tree.iter(f"{NS}text")]
    assert tree.get("role") == "img"
    assert tree.get("aria-labelledby") == "title description"
    assert tree.findtext(f"{NS}title") == "everything"
    description = tree.findtext(f"{NS}desc") or ""
    assert description.startswith("6 steps: first, ask, block, each, fallback, compensate.")
    assert "ask waits for first." in description
    assert "fallback is the fallback of each." in description
    assert {"first", "tool a.b", "3 attempts", "left", "right", "when steps.first.output == 'x'"} <= set(
        texts
    )
    assert sum("marker-end" in node.attrib for node in tree.iter(f"{NS}path")) == 5
    assert {"on failure", "undone by"} <= set(texts)


@pytest.mark.parametrize(
    "hostile",
    [
        "</text><script>alert(1)</script>",
        '" onload="alert(1)',
        "&lol;&#0;",
        "]]><!--",
        "\x00\x1b[31m\ufffe\ud800",
        "</title></svg>",
    ],
)
def test_nothing_of_a_file_is_taken_for_markup(hostile: str) -> None:
    step = Step(hostile, FunctionCall(hostile, Pairs(())))
    workflow = Workflow(hostile, hostile, "<steps>", (step,), description=hostile)

    text = to_svg(drawing_of(workflow))

    tree = ElementTree.fromstring(text.encode())
    assert {node.tag.removeprefix(NS) for node in tree.iter()} == {
        *("svg", "title", "desc", "style", "defs", "marker", "path", "g", "rect", "text"),
    }
    assert not any(name.startswith("on") for node in tree.iter() for name in node.attrib)
    assert "\x1b" not in text


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_step_has_a_shape_and_a_colour(kind: Kind) -> None:
    figure = Figure("a", kind, "a", "what", (), is_conditional=False, inside=None)

    tree = ElementTree.fromstring(to_svg(Drawing("d", "", (figure,), ())))

    assert [node.tag for node in tree.iter() if node.get("class") == f"box {kind.value}"]
    assert re.search(rf"\.{kind.value}\b[^{{]*{{ fill: var\(--\w+\)", tree.findtext(f"{NS}style") or "")


def test_document_needs_nothing_else() -> None:
    text = to_svg(drawing_of(load_workflow(EVERYTHING)))

    assert text.count("http") == 1  # the name of the namespace
    assert "<script" not in text
    assert "@import" not in text
    assert "url(#tip" in text


def test_thousand_steps_are_drawn() -> None:
    """The time is to grow with the steps, more or less: this takes a second, and minutes if it does not."""
    steps = [
        {"id": f"s{number}", "needs": [f"s{number - 1}"] if number % 10 else []} for number in range(1000)
    ]
    lines = "\n".join(f"  - {{id: {step['id']}, tool: t, needs: {step['needs']}}}" for step in steps)

    tree = ElementTree.fromstring(to_svg(drawing_of(load_workflow(f"steps:\n{lines}\n".replace("'", "")))))

    assert sum(node.get("class") == "id" for node in tree.iter(f"{NS}text")) == 1000


def test_command_draws_svg_when_asked_or_when_the_file_is_called_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["graph", "sums.yaml", "--output", "sums.svg"]) == 0
    assert main(["graph", "sums.yaml", "--format", "svg"]) == 0

    assert capsys.readouterr().out == (folder / "sums.svg").read_text(encoding="utf-8")
    assert main(["graph", "sums.yaml", "--format", "mermaid", "--output", "sums.svg"]) == 0
    assert (folder / "sums.svg").read_text(encoding="utf-8").startswith("flowchart")
