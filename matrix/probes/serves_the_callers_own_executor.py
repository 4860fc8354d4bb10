"""asgiref's thread-sensitive code, such as a query of Django's ORM, runs on the thread that waits."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from matrix.model import Expected, Facts, Probe, Run, Source, expect
from matrix.probes._threads import in_a_new_thread


def _skip_when(facts: Facts) -> str | None:
    return None if facts.running_loop is None else "where a loop runs, asgiref has another thread for it"


PROBE = Probe(
    "serves_the_callers_own_executor",
    claim="what an async step gives sync_to_async() runs on the thread that waits, as under async_to_sync()",
    promise="S9",
    skip_when=_skip_when,
    requires=("asgiref",),
)

_TEXT = """
name: query
steps:
  - id: query
    tool: query
  - id: nested
    function: nested
outputs:
  thread: "${steps.query.output}"
  nested: "${steps.nested.output}"
"""
_LIMIT = 5.0
"""Seconds for what takes a millisecond, so that a step which waits for ever ends in words."""


async def _query() -> int:
    """Use the thread that Django's ORM would use."""
    import asyncio

    from asgiref.sync import sync_to_async

    query: Any = sync_to_async(threading.get_ident)
    return int(await asyncio.wait_for(query(), _LIMIT))


def _nested() -> int:
    """Have the same done below asgiref's own bridge, in a plain step."""
    from asgiref.sync import async_to_sync

    call: Any = async_to_sync(_query)
    return int(call())


def check(run: Run) -> None:
    import asgiref.sync  # noqa: F401 - a host that uses it has loaded it before it calls

    here = threading.get_ident()
    try:
        outputs = run(Source(_TEXT, tools={"query": _query}, functions={"nested": _nested}), {})
    except TimeoutError as error:
        raise Expected(of="the wait for thread-sensitive code", wanted="an end", got="none") from error

    expect(got=outputs["thread"], wanted=here, of="the thread of thread-sensitive code in an async step")
    expect(got=outputs["nested"], wanted=here, of="the same below async_to_sync() in a def step")


def broken(run: Run) -> Run:
    """Wait on another thread than the caller's, as a bridge does that starts one for each call."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        return in_a_new_thread(run, source, inputs)

    return call
