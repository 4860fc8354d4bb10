"""The host's loop is whole during a call that lets it go on, and after any: its mark, its task, SIGINT."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from matrix.model import Facts, Probe, Run, Source, expect


def _skip_when(facts: Facts) -> str | None:
    return "no event loop of asyncio runs in the calling thread" if facts.running_loop is None else None


PROBE = Probe(
    "leaves_the_host_loop_whole",
    claim="whenever the caller's loop goes on, in a def step or after it, its marks are in their places",
    promise="S10",
    skip_when=_skip_when,
)

_TEXT = """
name: host
steps:
  - id: switch
    function: switch
outputs:
  seen: "${steps.switch.output}"
"""

Switch = Callable[[Coroutine[Any, Any, object]], object]


class _Host:
    """The loop of the calling thread, and another task of it that looks at what is there."""

    def __init__(self, switch: Switch | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._switch = switch
        self._handler = signal.getsignal(signal.SIGINT)
        self.strange: list[str] = []

    def marks(self) -> tuple[object, object, object]:
        """Return running loop, current task, and the handler of SIGINT."""
        loop = asyncio._get_running_loop()  # noqa: SLF001 - documented; tells without raising
        task = None if loop is None else asyncio.current_task(loop)
        return loop, task, signal.getsignal(signal.SIGINT)

    def go_on(self) -> str:
        """Be a def step: let the loop go on, if this context can; return the loop that is to be seen here."""
        if self._switch is not None:
            self._switch(self._ticks())
        return repr(asyncio._get_running_loop())  # noqa: SLF001

    async def _ticks(self) -> None:
        """Have another task of the loop turn a few times."""
        await asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        me = asyncio.current_task()
        for _ in range(3):
            await asyncio.sleep(0)
            if self.marks() != (self._loop, me, self._handler):
                self.strange.append(repr(self.marks()))

    def put_back(self) -> None:
        """Undo damage, for the sake of the probes that share this process."""
        if asyncio._get_running_loop() is None:  # noqa: SLF001
            asyncio._set_running_loop(self._loop)  # noqa: SLF001 - documented for authors of loops


def _way_to_switch() -> Switch | None:
    """Return how sync code here lets its caller's loop go on, if it can."""
    greenback, greenlet = sys.modules.get("greenback"), sys.modules.get("greenlet")
    if greenback is not None and greenback.has_portal():
        await_: Switch = greenback.await_
        return await_
    here = None if greenlet is None else greenlet.getcurrent()
    awaits = getattr(here, "__sqlalchemy_greenlet_provider__", getattr(here, "awaited_by_its_parent", False))
    switch: Switch | None = here.parent.switch if here is not None and awaits else None
    return switch


def check(run: Run) -> None:
    host = _Host(_way_to_switch())
    before = host.marks()
    try:
        outputs = run(Source(_TEXT, functions={"switch": host.go_on}), {})
        after = host.marks()
    finally:
        host.put_back()

    expect(got=host.strange, wanted=[], of="what another task of the host saw out of place during the call")
    expect(got=outputs["seen"], wanted="None", of="the running loop that the def step saw after that")
    expect(got=after == before, wanted=True, of="whether loop, task and SIGINT are as before the call")


def broken(run: Run) -> Run:
    """Forget to put the mark of the running loop back."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        outputs = run(source, inputs)
        asyncio._set_running_loop(None)  # noqa: SLF001 - the mistake that is shown here
        return outputs

    return call
