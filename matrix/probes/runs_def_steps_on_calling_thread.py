"""``def`` steps run on the thread that called: thread-locals and bound connections work in them."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import replace

from matrix.model import AnyFunction, Expected, Probe, Run, Source, expect
from matrix.probes._threads import in_a_new_thread

PROBE = Probe(
    "runs_def_steps_on_calling_thread",
    claim="def steps run on the calling thread: its thread-locals and connections work in them",
    promise="S9",
)

_TEXT = """
name: bound to a thread
steps:
  - id: thread
    function: thread
  - id: tenant
    function: tenant
  - id: rows
    function: rows
outputs:
  thread: "${steps.thread.output}"
  tenant: "${steps.tenant.output}"
  rows: "${steps.rows.output}"
"""


def check(run: Run) -> None:
    local = threading.local()
    local.tenant = "t-1"
    database = sqlite3.connect(":memory:")  # refuses to be used in another thread
    try:
        functions: dict[str, AnyFunction] = {
            "thread": threading.get_ident,
            "tenant": lambda: getattr(local, "tenant", "lost"),
            "rows": lambda: database.execute("select 1").fetchall(),
        }
        outputs = _call(run, Source(_TEXT, functions=functions))
    finally:
        database.close()

    expect(got=outputs["thread"], wanted=threading.get_ident(), of="thread of a def step")
    expect(got=outputs["tenant"], wanted="t-1", of="thread-local value in a def step")
    expect(got=outputs["rows"], wanted=[(1,)], of="rows from the caller's connection")


def _call(run: Run, source: Source) -> Mapping[str, object]:
    try:
        return run(source, {})
    except sqlite3.ProgrammingError as error:
        raise Expected(of="the caller's connection in a def step", wanted="rows", got=repr(error)) from error


def broken(run: Run) -> Run:
    """Run ``def`` steps on a worker thread."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        functions = {name: _in_a_worker(function) for name, function in source.functions.items()}
        return run(replace(source, functions=functions), inputs)

    return call


def _in_a_worker(function: AnyFunction) -> AnyFunction:
    def call(**arguments: object) -> object:
        return in_a_new_thread(function, **arguments)

    return call
