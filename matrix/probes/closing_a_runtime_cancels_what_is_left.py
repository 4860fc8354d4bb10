"""Closing a runtime cancels the runs and streams that are left, and returns when they have cleaned up."""

from __future__ import annotations

import asyncio
import threading

from matrix.model import OpenSession, Probe, Session, Source, expect
from matrix.probes._sessions import Wrapped

PROBE = Probe(
    "closing_a_runtime_cancels_what_is_left",
    claim="close() cancels the runs and streams in progress and returns when they have cleaned up",
    promise="S18",
    session=True,
)

_TEXT = """
name: left
steps:
  - id: first
    tool: first
  - id: endless
    tool: endless
"""


class _Work:
    """Waits for something that never comes; counts who has begun, and who has cleaned up."""

    def __init__(self) -> None:
        self.began = threading.Semaphore(0)
        self.begun = 0
        self.cleaned_up = 0

    async def first(self) -> None:
        """End at once, so that a stream has an item."""

    async def endless(self) -> None:
        self.begun += 1
        self.began.release()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)  # a cleanup that takes a while, as closing a connection does
            self.cleaned_up += 1


def check(open_session: OpenSession) -> None:
    work, errors = _Work(), []
    session = open_session(Source(_TEXT, tools={"first": work.first, "endless": work.endless}))

    def run() -> None:
        try:
            session.run({})
        except Exception as error:  # noqa: BLE001 - what comes out is looked at below
            errors.append(type(error).__name__)

    running = threading.Thread(target=run, daemon=True)
    running.start()
    items = session.stream({})
    next(items)
    for _ in range(2):
        work.began.acquire()
    session.close()
    cleaned_up = work.cleaned_up

    expect(got=cleaned_up, wanted=2, of="steps in progress that had cleaned up when close() returned")
    running.join()
    expect(got=errors, wanted=["RuntimeClosedError"], of="what came out of the run that was cut off")
    expect(got=_refused(session), wanted=True, of="whether a further run is refused")
    expect(got=work.begun, wanted=2, of="runs that began")


def _refused(session: Session) -> bool:
    try:
        session.run({})
    except Exception as error:  # noqa: BLE001 - which one is the question
        return type(error).__name__ == "RuntimeClosedError"
    return False


def broken(open_session: OpenSession) -> OpenSession:
    """Close nothing, as if each run took care of itself."""

    class Careless(Wrapped):
        def close(self) -> None:
            pass

    def call(source: Source) -> Session:
        return Careless(open_session(source))

    return call
