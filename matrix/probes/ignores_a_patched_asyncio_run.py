"""Somebody has replaced ``asyncio.run``, with an old signature even: a debugger, a patcher of loops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from matrix.model import Expected, Probe, Run, Source, expect
from matrix.probes._failing import failing
from matrix.probes._threads import in_a_new_thread

PROBE = Probe(
    "ignores_a_patched_asyncio_run",
    claim="a call works, and stays off it, where somebody has replaced asyncio.run()",
    promise="S19",
)


def check(run: Run) -> None:
    with _patched() as used:
        try:
            outputs = run(failing(lambda: "well", "async def"), {})
        except (TypeError, RuntimeError) as error:
            raise Expected(of="the call", wanted="a result", got=repr(error)) from error

    expect(got=outputs["value"], wanted="well", of="result")
    expect(got=used, wanted=[], of="threads that used the replacement")


@contextmanager
def _patched() -> Iterator[list[str]]:
    original = asyncio.run
    used: list[str] = []

    def patched(main: Coroutine[Any, Any, object], *, debug: bool = False) -> object:
        used.append(threading.current_thread().name)
        return original(main, debug=debug)

    asyncio.run = patched  # type: ignore[assignment]  # what the claim is about
    try:
        yield used
    finally:
        asyncio.run = original


def broken(run: Run) -> Run:
    """Use ``asyncio.run`` under the hood, in a thread."""

    async def main(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        return run(source, inputs)

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        return in_a_new_thread(lambda: asyncio.run(main(source, inputs)))

    return call
