"""A deadline cancels the work, waits for its cleanup and raises ``TimeoutError``, whatever the work does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import replace

from matrix.model import AnyFunction, Expected, Probe, Run, Source, expect
from matrix.probes._patience import patiently

PROBE = Probe(
    "times_out",
    claim="a deadline cancels the work, waits for its cleanup and raises TimeoutError, swallowed or not",
    promise="S12",
)

_TIMEOUT = 0.1
_TEXT = """
name: long
steps:
  - id: wait
    tool: wait
outputs:
  value: "${steps.wait.output}"
"""


class _Work:
    """Waits far beyond its deadline, and notes whether it still does."""

    def __init__(self, *, swallow: bool) -> None:
        self.running = False
        self._swallow = swallow

    async def wait(self) -> str:
        self.running = True
        try:
            await patiently()
        except asyncio.CancelledError:
            if not self._swallow:
                raise
        finally:
            await asyncio.sleep(0.02)  # a cleanup that takes a while, as closing a connection does
            self.running = False
        return "not cancelled"


def check(run: Run) -> None:
    for swallow in (False, True):
        work = _Work(swallow=swallow)
        _run_out_of_time(run, work, of="a step that swallows its cancellation" if swallow else "a step")
        # Also right if the time was up before the step began: there was nothing to clean up.
        expect(got=work.running, wanted=False, of="whether the step still ran when TimeoutError came out")

    outputs = run(Source(_TEXT, tools={"wait": _at_once}, timeout=60), {})
    expect(got=outputs["value"], wanted="well", of="a call that ends long before its deadline")


def _run_out_of_time(run: Run, work: _Work, *, of: str) -> None:
    try:
        outputs = run(Source(_TEXT, tools={"wait": work.wait}, timeout=_TIMEOUT), {})
    except TimeoutError:
        return
    except Exception as error:
        raise Expected(of=of, wanted="TimeoutError", got=repr(error)) from error
    raise Expected(of=of, wanted="TimeoutError", got=f"outputs {outputs!r}")


async def _at_once() -> str:
    return "well"


def broken(run: Run) -> Run:
    """Wait no longer than the deadline for a thread, and leave the work running in it."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        begun = threading.Event()
        results: list[Mapping[str, object]] = []

        def work() -> None:
            tools = {name: _telling(tool, begun) for name, tool in source.tools.items()}
            results.append(run(replace(source, tools=tools, timeout=None), inputs))

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        begun.wait()
        thread.join(source.timeout)
        if thread.is_alive():
            raise TimeoutError
        return results[0]

    return call


def _telling(tool: AnyFunction, begun: threading.Event) -> AnyFunction:
    async def call() -> object:
        begun.set()
        return await tool()  # type: ignore[misc]  # the tools here are async

    return call
