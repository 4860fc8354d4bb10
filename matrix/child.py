"""The child's side: a job that performs cells where its host calls it and sends a record of each.

``python -m matrix.child`` is a host process. Any descendant of it, a notebook kernel for one, joins the
same job with ``Job.resume()``: the environment tells it where the supervisor listens.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from matrix import wire
from matrix.assignment import Assignment
from matrix.chains import Spot
from matrix.facts import as_data, observe_here
from matrix.findings import take_put_off
from matrix.model import Outcome
from matrix.perform import Finding, callable_under_test, finding_of, judge_here
from matrix.registry import Registry
from matrix.strays import boot_clock

try:
    import faulthandler
except ImportError:  # in a sub-interpreter: the host's own job, in the main one, has the stacks
    HAS_STACKS = False
else:
    HAS_STACKS = True

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from matrix.model import Cell, Facts, Run

__all__ = ("STACKS_SIGNAL", "Job", "main")

# What a fork of a host ends with that comes out of a probe and would go on as the host.
STRAY_FORK = 70

# Hosts and probes use SIGALRM, SIGUSR1 and SIGUSR2 themselves. faulthandler answers in C, so the stacks
# come also from a thread that never runs Python again, and Python's own signal state stays untouched.
STACKS_SIGNAL: int | None = (
    signal.SIGRTMAX - 1
    if sys.platform == "linux"
    else getattr(signal, "SIGXCPU", None)
    if HAS_STACKS and hasattr(faulthandler, "register")
    else None
)

_job: Job | None = None


class Job:
    """The job of this host, as :class:`matrix.model.Job` describes it."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._registry = Registry(Path(assignment.root))
        self.pid = os.getpid()
        self._ready = False
        self._records = self._open("records")
        if HAS_STACKS:
            self._stacks = self._open("stacks")
        if HAS_STACKS and STACKS_SIGNAL is not None:
            faulthandler.register(STACKS_SIGNAL, file=self._stacks.fileno(), all_threads=True)
        if assignment.instrumented:
            from matrix.witness import attend

            attend(self._open("witness"))

    @classmethod
    def resume(cls) -> Job:
        """Return this process's part of the job that it inherited; connects on the first call.

        Raises:
            LookupError: this process does not descend from a host of the matrix.
        """
        global _job  # noqa: PLW0603 - one job a process, also when a notebook asks once a cell
        if _job is None or _job.pid != os.getpid():
            _job = cls(Assignment.read())
        return _job

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells to perform, in order."""
        return self._assignment.cells

    def perform(self, cell: Cell, *, evidence: Mapping[str, str] | None = None) -> None:
        """Judge one cell right here and send its record; never raises.

        Where this is the outermost link of a chain, the next one is entered right here instead.
        """
        links = self._registry.links(self._assignment.context)
        if len(links) > 1:
            Spot(self, links, self.cells).perform(cell, evidence=evidence)
        else:
            self.judge(cell, evidence)

    def judge(self, cell: Cell, evidence: Mapping[str, str] | None, *, chain: Sequence[object] = ()) -> None:
        """Judge one cell right here, inside every link of its context, and send its record; never raises."""
        facts = self._begin(cell, observe_here(evidence), chain)
        finding = judge_here(self._registry, cell, evidence)
        if os.getpid() != self.pid:
            os._exit(STRAY_FORK)
        self._end(cell, finding, facts)

    def fault(self, cell: Cell, detail: str, *, trace: str = "", chain: Sequence[object]) -> None:
        """Send a record that says that a cell could not be performed, and why."""
        facts = self._begin(cell, observe_here(), chain)
        self._end(cell, Finding(Outcome.ERROR, detail, trace), facts)

    def _begin(self, cell: Cell, seen: Facts, chain: Sequence[object]) -> dict[str, object]:
        facts = as_data(seen) | ({"chain": [*chain]} if chain else {})
        if not self._ready:
            self._ready = True
            self._send("ready", facts=facts, fingerprint=_fingerprint(), threads=_threads_here())
        self._send("begin", cell=cell.id, thread=threading.get_native_id(), clock=boot_clock())
        return facts

    def _end(self, cell: Cell, finding: Finding, facts: Mapping[str, object]) -> None:
        put_off = take_put_off()
        for one in put_off:
            one.report = functools.partial(self._report_late, cell)
        self._send(
            "end",
            cell=cell.id,
            outcome=finding.outcome.value,
            detail=finding.detail,
            signature=finding.signature,
            traceback=finding.traceback,
            seconds=finding.seconds,
            observations=dict(finding.observations),
            facts=facts,
            put_off=len(put_off),
            clock=boot_clock(),
        )

    def _report_late(self, cell: Cell, error: BaseException | None) -> None:
        """Send what came of a check that was put off to the end of this process."""
        if os.getpid() == self.pid:
            finding = finding_of(error)
            self._send("late", cell=cell.id, detail=finding.detail, traceback=finding.traceback)

    def run_of(self, cell: Cell) -> Run:
        """Return the callable under test of a cell, for hosts that are inside a call themselves."""
        return callable_under_test(self._registry, cell)

    def host(self) -> int:
        """Bring the context about in this process; return the exit code.

        Blocks until every cell is performed or the host gave up, which the supervisor is told.
        """
        try:
            self._registry.context(self._assignment.context).functions["host"](self)
        except BaseException:  # noqa: BLE001 - whatever ends a host belongs into the report
            self._send("failed", traceback=traceback.format_exc()[-wire.MAX_LINE // 8 :])
            return 1
        self._send("done")
        return 0

    def _open(self, channel: str) -> socket.socket:
        connection = wire.connect(self._assignment.address)
        connection.sendall(wire.encode("hello", self._assignment.token, {"channel": channel}))
        return connection

    def _send(self, kind: str, **body: object) -> None:
        # A supervisor that has stopped listening has given this host up and is about to kill it.
        with contextlib.suppress(OSError):
            self._records.sendall(wire.encode(kind, self._assignment.token, body))


def _threads_here() -> list[int]:
    """Return the system's numbers of the threads that the situation has brought along, where it tells."""
    with contextlib.suppress(OSError):
        return [int(name) for name in os.listdir("/proc/self/task")]
    return []


def _fingerprint() -> dict[str, object]:
    """What this process is; compared with what the supervisor is."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "prefix": sys.prefix,
    }


def main() -> int:
    """Be the host process of the job that the environment names."""
    faulthandler.enable()
    # A shell without job control starts what stands before `&` with SIGINT ignored, and so do some
    # CI runners; that is inherited. User code in a context is to meet what a terminal would give it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return Job.resume().host()


if __name__ == "__main__":
    # Under its real name, so that descendants and contexts see the same module and the same job.
    from matrix.child import main as real_main

    sys.exit(real_main())
