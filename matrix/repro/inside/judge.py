"""Judges, right where the call is made: is this the situation, and does the claim hold in it?"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping

from matrix.repro.inside.cell import CELL, LIMIT, LINKS, check, plain_call, under_test
from matrix.repro.inside.telling import tell
from matrix.repro.inside.words import Cell, Run, refusals, seen

__all__ = ("Job", "bring_about")


class Job:
    """What the situation is given: the one cell, and how to judge it right where it stands."""

    cells = (CELL,)

    def __init__(self, links: int = 1) -> None:
        self.links = links

    def perform(self, cell: Cell, *, evidence: Mapping[str, str] | None = None) -> None:
        """Enter the next link here; inside the last one hold the claim, and tell what becomes of it."""
        process, wrong = os.getpid(), contradictions(LINKS[self.links - 1][1], evidence or {})
        if not wrong and self.links < len(LINKS):
            LINKS[self.links][0](Job(self.links + 1))
            return
        if wrong:
            tell("error", f"this is not the situation of {cell.id}: {'; '.join(wrong)}")
            return
        tell("begin")
        faulthandler.dump_traceback_later(LIMIT, file=sys.__stderr__ or sys.stderr)
        word, why, trace = judged()
        faulthandler.cancel_dump_traceback_later()
        if os.getpid() != process:
            os._exit(70)  # a fork of this process came out of the claim and would go on as the host
        tell(word, why, "".join(f"seen: {line}\n" for line in seen) + trace)

    def run_of(self, cell: Cell) -> Run:
        """Return what to call, for a situation that is inside a call itself."""
        del cell
        called: Run = plain_call()
        return called


def judged() -> tuple[str, str, str]:
    """Return pass, fail or refused, why, and the traceback."""
    try:
        check(under_test())
    except BaseException as error:  # noqa: BLE001 - a claim may end in any exception at all
        if refusals:
            return "refused", refusals[0], ""
        why = str(error) if isinstance(error, AssertionError) else f"ended in {error!r}"
        return "fail", why or "an assertion failed", traceback.format_exc()
    return "pass", "", ""


def contradictions(situation: Mapping[str, object], evidence: Mapping[str, str]) -> list[str]:
    """Return what is not as it has to be here."""
    loop = asyncio._get_running_loop()  # noqa: SLF001 - the only way that never raises, in callbacks too
    here: dict[str, object] = {
        "running loop": None if loop is None else f"{type(loop).__module__}.{type(loop).__qualname__}",
        "current task": loop is not None and asyncio.current_task(loop) is not None,
        "main thread": threading.current_thread() is threading.main_thread(),
        **evidence,
    }
    return [
        f"{name} is {here.get(name)!r}, not {stated!r}"
        for name, stated in situation.items()
        if here.get(name) not in (stated if isinstance(stated, tuple) else (stated,))
    ]


def bring_about() -> int:
    """Be in the situation; return when the claim has been judged in it."""
    # Started in the background of a shell, a process ignores SIGINT; here it is to mean Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faulthandler.enable()
    LINKS[0][0](Job())
    return 0
