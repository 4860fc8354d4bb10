"""Draws a workflow and a timeline for ``docs/images``: ``python -m tests.page.pictures``."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agent_runtime import Options, Runtime, load_workflow, tool_calls
from agent_runtime.drawing import drawing_of, to_svg
from agent_runtime.tracing import Recorder
from agent_runtime.tracing.page import page_of
from agent_runtime.tracing.trace_file import trace_of
from tests.helpers.chromium import NO_CHROMIUM, chromium, find_chromium

FOLDER = Path(__file__).parents[2] / "docs" / "images"
WORKFLOW = """
name: order
description: Take an order, check it, ship it; undo what was done when something fails.
steps:
  - {id: look_up, tool: crm.find, retry: {attempts: 3, backoff: 0.02}, timeout: 5}
  - id: checks
    needs: [look_up]
    parallel:
      - {id: stock, function: stock}
      - {id: price, function: price}
      - {id: fraud, agent: {tools: [crm.orders], messages: [{role: user, content: "Is it one?"}]}}
  - {id: reserve, tool: stock.reserve, needs: [checks], compensate: {tool: stock.release}}
  - {id: pay, tool: bank.charge, thread: worker, needs: [reserve], fallback: {function: invoice}}
  - {id: parcels, function: pack, for_each: [1, 2], with: {number: "${item}"}, needs: [reserve]}
  - {id: letter, function: letter, when: "${steps.pay.output == 'paid'}"}
"""


def main() -> int:
    """Run the workflow where an event loop runs, and take both pictures."""
    path = find_chromium()
    if path is None:
        print(NO_CHROMIUM, file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    drawing = to_svg(drawing_of(load_workflow(WORKFLOW)))
    recorded = trace_of(_recorded().as_data())  # before the driver of the browser runs a loop in this thread
    with tempfile.TemporaryDirectory() as folder, chromium(path) as browser:
        timeline, graph = Path(folder) / "timeline.html", Path(folder) / "graph.svg"
        timeline.write_text(page_of(recorded), encoding="utf-8")
        graph.write_text(drawing, encoding="utf-8")
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme="light")
        page.goto(timeline.as_uri())
        page.keyboard.press("w")
        page.screenshot(path=FOLDER / "timeline.png")
        page.goto(graph.as_uri())
        page.locator("svg").screenshot(path=FOLDER / "graph.png")
    return 0


class Model:
    """Calls a tool, and then answers; each reply takes a while, as of a real one."""

    model_name = "small"

    async def call_llm(
        self, *, messages: Sequence[Mapping[str, object]], **_: object
    ) -> Mapping[str, object]:
        await asyncio.sleep(0.03)
        return tool_calls("crm.orders") if messages[-1]["role"] == "user" else {"content": "no"}


def _recorded() -> Recorder:
    """Run the workflow by a sync call under a running loop, as a server's async route would."""
    recorder, tries = Recorder(), iter((OSError("not yet"), None))

    async def find() -> str:
        await asyncio.sleep(0.03)
        if (error := next(tries)) is not None:
            raise error
        return "Ada"

    def working(name: str, seconds: float, gives: object = None) -> Callable[..., object]:
        def work(number: int = 0) -> object:
            time.sleep(seconds)  # stands for work of this length, which is what the picture shows
            return gives or number

        work.__qualname__ = name
        return work

    lengths = {"stock": 0.06, "price": 0.04, "pack": 0.03, "invoice": 0.01, "letter": 0.02}
    functions = {name: working(name, seconds) for name, seconds in lengths.items()}
    tools = {
        "crm.find": find,
        "crm.orders": working("orders", 0.01, "none"),
        "stock.reserve": working("reserve", 0.02),
        "stock.release": working("release", 0.01),
        "bank.charge": working("charge", 0.07, "paid"),
    }
    options = Options(trace=recorder)
    runtime = Runtime(WORKFLOW, functions=functions, tools=tools, llm=Model(), options=options)

    async def route() -> None:
        runtime.run()

    asyncio.run(route())
    return recorder


if __name__ == "__main__":
    sys.exit(main())
