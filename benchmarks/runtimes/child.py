"""In a process of its own: one runtime, called in one way, runs whichever shape the parent asks for.

``python -m benchmarks.runtimes.child KEY ENTRY`` reads a shape and a number of runs from each line of its
input and answers with the seconds they took; the end of the input ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, cast

from benchmarks.runtimes.model import Call, Entry, Shape
from benchmarks.runtimes.rivals import RIVALS

__all__ = ("main",)

Awaitable = Callable[[], Coroutine[Any, Any, object]]


def main() -> None:
    """Serve until the input ends."""
    key, entry = sys.argv[1], Entry[sys.argv[2]]
    try:
        with contextlib.ExitStack() as stack:
            calls = {shape: stack.enter_context(RIVALS[key].maker(shape, entry)) for shape in Shape}
            if entry is Entry.SCRIPT:
                _serve(calls)
            else:
                asyncio.run(_serve_async(calls, entry))
    except Exception as error:  # noqa: BLE001 - whatever it is, it stands in the table
        print(f"{type(error).__name__}: {error}".partition("\n")[0], file=sys.stderr, flush=True)
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)  # threads that a runtime has left do not matter any more


def _serve(calls: dict[Shape, Call]) -> None:
    for line in sys.stdin:
        shape, runs = line.split()
        call = calls[Shape[shape]]
        gc.collect()
        began = time.perf_counter()
        for _ in range(int(runs)):
            call()
        print(time.perf_counter() - began, flush=True)


async def _serve_async(calls: dict[Shape, Call], entry: Entry) -> None:
    if entry is Entry.IN_LOOP:
        _serve(calls)
        return
    for line in sys.stdin:
        shape, runs = line.split()
        call = cast("Awaitable", calls[Shape[shape]])
        gc.collect()
        began = time.perf_counter()
        for _ in range(int(runs)):
            await call()
        print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main()
