"""Exit hooks and a thread that outlives the main one can call, and the process ends by itself, quietly."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from matrix.model import Probe, Run, Source, check_at_exit, expect

# Isolated because how a process ends can be judged only once, and because the first exit hook is to be
# older than the bridge's own.
PROBE = Probe(
    "works_at_the_end_of_the_process",
    claim="exit hooks and late threads can call, and the process ends by itself, with its exit code, quietly",
    promise="S14",
    isolated=True,
)

_LIMIT = 10.0
"""Seconds for the late thread's one call, which takes milliseconds."""

_TEXT = """
name: late
steps:
  - id: asynchronous
    tool: work
  - id: plain
    function: work
outputs:
  values: ["${steps.asynchronous.output}", "${steps.plain.output}"]
"""


async def _work() -> str:
    await asyncio.get_running_loop().getaddrinfo("localhost", 80)  # as whoever connects by name
    return await asyncio.to_thread(str, "done")


_SOURCE = Source(_TEXT, functions={"work": lambda: "done"}, tools={"work": _work})
_WANTED = ["done", "done"]


def check(run: Run) -> None:
    check_at_exit(lambda: _expect_a_result(run, "an exit hook that is older than the first call"))
    expect(got=run(_SOURCE, {})["values"], wanted=_WANTED, of="a call before the end")
    late = _LateThread(run)
    late.start()
    check_at_exit(late.expect_a_result)
    check_at_exit(lambda: _expect_a_result(run, "an exit hook that is younger than the first call"))


def _expect_a_result(run: Run, where: str) -> None:
    expect(got=_said(run), wanted=_WANTED, of=f"a call in {where}")


def _said(run: Run) -> object:
    try:
        return run(_SOURCE, {})["values"]
    except Exception as error:  # noqa: BLE001 - judged by whoever asked
        return repr(error)


class _LateThread:
    """A thread that calls when the main thread has ended, and that the interpreter waits for."""

    def __init__(self, run: Run) -> None:
        self._said: object = None
        self._thread = threading.Thread(target=self._call, args=(run,))

    def start(self) -> None:
        self._thread.start()

    def expect_a_result(self) -> None:
        self._thread.join(_LIMIT)
        expect(got=self._said, wanted=_WANTED, of="a call in a thread that outlives the main one")

    def _call(self, run: Run) -> None:
        threading.main_thread().join()
        self._said = _said(run)


def broken(run: Run) -> Run:
    """Go through an executor, as many bridges do: none takes work once the main thread has ended."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        with ThreadPoolExecutor(max_workers=1) as pool:
            return pool.submit(run, source, inputs).result()

    return call
