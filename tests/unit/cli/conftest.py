"""A folder with workflows and the code that they name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

WORKFLOW = """
name: sums
inputs:
  number: integer
  word: {type: string, default: x}
  more: {default: null}
steps:
  - {id: double, function: double, with: {number: "${inputs.number}"}}
  - {id: show, tool: show, with: {value: "${steps.double.output}", word: "${inputs.word}"}}
outputs:
  doubled: "${steps.double.output}"
  shown: "${steps.show.output}"
  more: "${inputs.more}"
"""

HOST = """
import asyncio
import sys


def double(number):
    print("a step prints this")
    return 2 * number


async def show(value, word):
    return f"{value} {word}"


def fail():
    raise ValueError("no \\x1b[31mred\\x1b[0m here <script>")


async def wait_for_ever():
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(0.01)
        print("cleaned up", file=sys.stderr, flush=True)


async def never_clean_up():
    try:
        await asyncio.sleep(3600)
    finally:
        print("cleaning up", file=sys.stderr, flush=True)
        await asyncio.sleep(3600)


class Model:
    async def call_llm(self, **question):
        return {"content": "an answer"}


FUNCTIONS = {"double": double, "fail": fail, "wait": wait_for_ever, "dawdle": never_clean_up}
TOOLS = {"show": show}
NUMBER = 7
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder, as the working directory."""
    (tmp_path / "sums.yaml").write_text(WORKFLOW, encoding="utf-8")
    (tmp_path / "host.py").write_text(HOST, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("host", None)
