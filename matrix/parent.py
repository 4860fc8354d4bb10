"""The supervisor: runs batches in parallel hosts and yields a record of every cell, whatever they do."""

from __future__ import annotations

import os
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.door import Door
from matrix.ending import end_all
from matrix.guardian import Guardian, family_of_run
from matrix.host import Host, Stage
from matrix.model import Outcome
from matrix.record import Record
from matrix.second import Case, cases
from matrix.streams import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from matrix import wire
    from matrix.batch import Batch
    from matrix.interrupts import Interrupts
    from matrix.model import Cell
    from matrix.streams import Connection

__all__ = ("default_jobs", "supervise")

# Of its life a host spends about half on a processor (`cpu_seconds` in matrix.json); the rest it waits:
# for a server's next tick, a kernel's answer, a step that sleeps. Two fill what one leaves idle.
HOSTS_PER_CPU = 2


def default_jobs() -> int:
    """Return how many hosts run at once: two for each CPU that this process may use."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return HOSTS_PER_CPU * cpus


def supervise(
    batches: Iterable[Batch],
    *,
    root: Path,
    jobs: int | None = None,
    on_begin: Callable[[Cell], None] = lambda _cell: None,
    interrupts: Interrupts | None = None,
) -> Generator[Record, None, None]:
    """Run batches in child processes; yield each cell's record as soon as it is final.

    Blocks the calling thread between records; at most ``jobs`` hosts run at once. When the iterator is
    closed, or an exception such as KeyboardInterrupt passes through it, every child is killed first. When
    this process is killed, its guardian does that.

    Args:
        batches: what to run, in order of start.
        root: the folder that holds the registries.
        jobs: how many hosts run at once; by default two for each CPU.
        on_begin: called when a cell begins.
        interrupts: raises KeyboardInterrupt here, between two records, once a signal has come.
    """
    with tempfile.TemporaryDirectory(prefix="matrix-", ignore_cleanup_errors=True) as folder:
        supervisor = _Supervisor(Path(folder), root, on_begin)
        try:
            supervisor.heed(interrupts)
            yield from supervisor.run(deque(batches), jobs or default_jobs())
        finally:
            supervisor.close()


class _Supervisor:
    """The loop over all descriptors, and the hosts behind them."""

    def __init__(self, folder: Path, root: Path, on_begin: Callable[[Cell], None]) -> None:
        self._folder = folder
        self._root = root
        self._on_begin = on_begin
        self._watch = Watch()
        self._door = Door(folder, self._watch, self._adopt)
        self._hosts: list[Host] = []
        self._started = 0
        # Hosts of second runs, with the hung cells that they are to explain.
        self._cases: dict[Host, Case] = {}
        self._unexplained: deque[Case] = deque()
        self._guardian = Guardian(folder)

    def heed(self, interrupts: Interrupts | None) -> None:
        """Let signals that have been noted interrupt :meth:`run`."""
        if interrupts is not None:
            self._watch.add(interrupts.wakeup, interrupts.raise_noted)

    def run(self, waiting: deque[Batch], jobs: int) -> Generator[Record, None, None]:
        """Start hosts while there is room, wait for what they do, yield what is final."""
        while waiting or self._hosts or self._unexplained:
            while (waiting or self._unexplained) and len(self._hosts) < jobs:
                yield from self._start_next(waiting)
            self._turn()
            for host in [*self._hosts]:
                yield from self._final_records(host)
                if host.stage is Stage.GONE:
                    self._hosts.remove(host)
                    self._guardian.ended(host.pid)
                    if host.story.remaining and host not in self._cases:
                        waiting.appendleft(host.story.rest())

    def _final_records(self, host: Host) -> list[Record]:
        """Take what a host has to say; a hang is not final before its second run."""
        case = self._cases.get(host)
        if case is not None:
            return case.closed(host.records, host.testimony) if host.stage is Stage.GONE else []
        final, unexplained = cases(host.records, host.story.batch, host.dumps)
        host.records = []
        self._unexplained += unexplained
        return final

    def close(self) -> None:
        """Kill every host that still runs and release every descriptor."""
        for host in self._hosts:
            host.close()
        # Also what belongs to no host any more, or not yet.
        end_all(family_of_run(self._folder))
        self._guardian.close()
        self._door.close()
        self._watch.close()

    def _start_next(self, waiting: deque[Batch]) -> list[Record]:
        """Start one more host; return the records of its cells if it cannot be started."""
        case = self._unexplained.popleft() if self._unexplained else None
        batch = waiting.popleft() if case is None else case.batch
        try:
            host = self._start(batch, instrumented=case is not None)
        except OSError as error:
            # No descriptor, no memory, or no folder any more: these cells are lost, the others go on.
            if case is not None:
                return case.closed([], None)
            sentence = f"no host could be started: {error}"
            return [Record(cell, Outcome.ERROR, sentence) for cell in batch.cells]
        if case is not None:
            self._cases[host] = case
        return []

    def _start(self, batch: Batch, *, instrumented: bool = False) -> Host:
        self._started += 1
        host = Host(
            batch,
            self._started,
            root=self._root,
            door=self._door,
            watch=self._watch,
            on_begin=_nobody if instrumented else self._on_begin,
            instrumented=instrumented,
        )
        self._hosts.append(host)
        self._guardian.started(host.pid)
        self._watch.add(host.sentinel, lambda: self._gone(host))
        return host

    def _turn(self) -> None:
        now = time.monotonic()
        nearest = min((host.deadline for host in self._hosts), default=now)
        self._watch.turn(nearest - now)
        now = time.monotonic()
        for host in self._hosts:
            if host.stage is not Stage.GONE and host.deadline <= now:
                host.expire()

    def _gone(self, host: Host) -> None:
        # A host may have connected, spoken and ended within one turn: hear it out before it is judged.
        self._door.drain()
        host.end()

    def _adopt(self, hello: wire.Message, connection: Connection) -> bool:
        """Hand a newcomer to the host whose token it shows; whether there is one."""
        for host in self._hosts:
            if host.token == hello.token and host.stage is not Stage.GONE:
                host.adopt(connection, hello.text("channel"))
                return True
        return False


def _nobody(_cell: Cell) -> None:
    """Take no notice: a second run is no progress."""
