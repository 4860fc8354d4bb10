"""Where no thread can start, a call works on the calling thread, or says what to await instead."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import NoReturn

from matrix.model import Expected, Facts, Probe, Run, Source, expect
from matrix.probes._threads import Starter, in_a_new_thread, starters_replaced


def _skip_when(facts: Facts) -> str | None:
    if not facts.main_thread:
        return "the calling thread is itself one that has been started"
    if facts.kernel:
        return "a notebook kernel does not run without threads of its own"
    if "outer call" in facts.evidence:
        return "the call that this one interrupts has started the thread already"
    return None


# Isolated because a thread that an earlier call has started would serve this one too.
PROBE = Probe(
    "works_without_threads",
    claim="where no thread can start, a call runs on the calling thread; beside a loop it says what to await",
    promise="S15",
    isolated=True,
    skip_when=_skip_when,
)

_TEXT = """
name: alone
steps:
  - id: asynchronous
    tool: where
  - id: plain
    function: where
outputs:
  threads: ["${steps.asynchronous.output}", "${steps.plain.output}"]
"""


async def _where() -> int:
    await asyncio.sleep(0)
    return threading.get_ident()


_SOURCE = Source(_TEXT, functions={"where": threading.get_ident}, tools={"where": _where})


def check(run: Run) -> None:
    loop = asyncio._get_running_loop()  # noqa: SLF001 - documented; tells without raising
    with starters_replaced(_refusing):
        try:
            threads: object = run(_SOURCE, {})["threads"]
        except Exception as error:  # noqa: BLE001 - judged below
            threads = error

    if loop is None:
        expect(got=threads, wanted=[threading.get_ident()] * 2, of="threads of the steps")
    elif not isinstance(threads, Exception) or "await " not in str(threads):
        raise Expected(
            of="a call beside a loop", wanted="an error that says what to await", got=repr(threads)
        )


def _refusing(_starter: Starter) -> Starter:
    """Refuse a new thread, with the words in which Python says that the system does."""

    def refuse(*_args: object, **_options: object) -> NoReturn:
        raise RuntimeError("can't start new thread")

    return refuse


def broken(run: Run) -> Run:
    """Start a thread for each call, and rely on it."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        return in_a_new_thread(run, source, inputs)

    return call
