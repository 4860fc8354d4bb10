"""Registries of toy contexts and probes, so that the machine can be tested without runtime and hosts."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from matrix.batch import batches
from matrix.cells import Selection, select
from matrix.parent import supervise
from matrix.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from matrix.model import Cell
    from matrix.record import Record

SCRIPT = """
for cell in job.cells:
    job.perform(cell)
"""
CALLS_ONCE = """
outputs = run(Source("name: toy"), {"n": 1})
expect(got=outputs, wanted={"n": 1}, of="outputs")
"""
LOSES_OUTPUTS = "return lambda source, inputs: {}"
ENTRY_POINT = """
from matrix.model import EntryPoint

ENTRY_POINT = EntryPoint("toy", label="toy()")


def call(source, inputs):
    return dict(inputs)


async def call_async(source, inputs):
    return dict(inputs)
"""


class Toy:
    """A registry in a folder; each method writes one file of it and returns the registry for chaining."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("entry_points", "toy", ENTRY_POINT)

    def write(self, folder: str, name: str, text: str) -> Toy:
        """Write a file as it is."""
        path = self.root / folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return self

    def context(
        self, name: str = "script", host: str = SCRIPT, *, facts: str = "None, False, True", more: str = ""
    ) -> Toy:
        """Write a context from the body of its ``host(job)``."""
        return self.write(
            "contexts",
            name,
            f"import os, signal, subprocess, sys, threading\n"
            f"from matrix.model import Context, Facts, Inside\n"
            f"CONTEXT = Context({name!r}, summary='toy', facts=Facts({facts}), {more})\n"
            f"def host(job):\n{_body(host)}",
        )

    def probe(
        self, name: str = "works", check: str = CALLS_ONCE, *, broken: str = LOSES_OUTPUTS, more: str = ""
    ) -> Toy:
        """Write a probe from the bodies of its ``check(run)`` and ``broken(run)``."""
        return self.write(
            "probes",
            name,
            f"import os, signal, subprocess, sys, threading\n"
            f"from matrix.model import Probe, Refused, Source, expect, observe\n"
            f"PROBE = Probe({name!r}, claim='it works', promise='S1', {more})\n"
            f"def check(run):\n{_body(check)}\n"
            f"def broken(run):\n{_body(broken)}",
        )

    def peer(self, name: str, call: str, *, more: str = "") -> Toy:
        """Write a peer from the body of its ``call(source, inputs)``."""
        return self.write(
            "peers",
            name,
            f"import asyncio\n"
            f"from matrix.model import Peer, Refused\n"
            f"PEER = Peer({name!r}, summary='toy', {more})\n"
            f"def call(source, inputs):\n{_body(call)}",
        )

    def control(self, name: str, call: str = "return {}", *, more: str = "caught_by=('works',)") -> Toy:
        """Write a control from the body of its ``call(source, inputs)``, for the context ``script``."""
        return self.write(
            "controls",
            name,
            f"import time\n"
            f"from matrix.model import Control\n"
            f"CONTROL = Control({name!r}, 'toy', **{{'context': 'script', **dict({more})}})\n"
            f"def call(source, inputs):\n{_body(call)}",
        )

    def registry(self) -> Registry:
        """Return the registry that the files make."""
        return Registry(self.root)

    def run(self, target: str = "agent_runtime", *, jobs: int = 1) -> dict[str, Record]:
        """Run all cells of a target; return the records by the name of their probe."""
        return {record.cell.probe: record for record in self.records(self.cells(target), jobs=jobs)}

    def cells(self, target: str = "agent_runtime") -> list[Cell]:
        """Return all cells of a target."""
        return select(self.registry(), Selection(targets=(target,)))

    def records(self, cells: list[Cell], *, jobs: int = 1) -> list[Record]:
        """Run some cells; return their records in the order in which they became final."""
        registry = self.registry()
        planned = batches(cells, registry.contexts(), registry.probes())
        return list(supervise(planned, root=self.root, jobs=jobs))


def _body(text: str) -> str:
    return textwrap.indent(textwrap.dedent(text).strip() or "pass", "    ") + "\n"
