"""Which kind of hang it is, read from outside: the processes that hang are only looked at, never asked.

``docs/matrix.md`` defines each class by what is read here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matrix import procfs
from matrix.model import HangClass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matrix.procfs import Reading, Wait

__all__ = ("ASLEEP", "LOOKS", "Onlooker", "Scene", "Sight")

# In these classes nobody runs, so that one look at a stack is as good as another.
ASLEEP = frozenset({HangClass.DEADLOCK, HangClass.STALLED})
# Seconds after the limit at which is looked. A thread that looks around by itself while it waits does so
# every two seconds at most (the bridge's own pace); the third look is for such threads alone.
LOOKS = (0.0, 1.0, 2.5)
# Of the time between two looks: a thread that wanted a processor for so much of it does not wait.
BUSY = 0.8
# Of the time that it wanted one: with less, others keep it from running. A guess: ten alike share one so.
STARVED = 0.1
# Times in a second that a thread wakes that waits for the interpreter: every 5 ms, less on a busy machine.
GIL_WAKES = 20
# Seconds of processor time that such a wake takes at most: 6 microseconds, measured. Python code takes more.
GIL_SECONDS = 10e-6


@dataclass(frozen=True)
class Scene:
    """Where to look.

    Attributes:
        pid: the process that performs the cell, or the host where none does.
        thread: the thread that performs the cell, by the kernel's number; 0 where it is not known.
        bystanders: threads of that process that were there before the first cell: the situation's own.
    """

    pid: int
    thread: int = 0
    bystanders: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Sight:
    """What a hang looks like from outside."""

    kind: HangClass
    evidence: str


@dataclass(frozen=True)
class _Moves:
    """One thread between the first look and the last.

    Attributes:
        last: its last reading.
        asleep_in: what it waited for when it was looked at last; or at first, if it was just awake.
        wanted, ran: shares of the time: ready or running; running.
        wakes: how often it got a processor, in a second.
        name: what to call it.
    """

    last: Reading
    asleep_in: Wait | None
    wanted: float
    ran: float
    wakes: float
    name: str

    @property
    def busy(self) -> bool:
        return self.wanted >= BUSY

    @property
    def asks_for_the_interpreter(self) -> bool:
        """Whether it waits for a lock in slices, or is never seen asleep and does nothing when it wakes."""
        if self.wakes < GIL_WAKES:
            return False
        if self.asleep_in is None:
            return self.ran < GIL_SECONDS * self.wakes
        return self.asleep_in.kind == "lock" and self.asleep_in.timed

    @property
    def woke(self) -> bool:
        return self.wakes > 0


class Onlooker:
    """Looks at a hung cell a few times and says which class of hang it is."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._first: tuple[float, dict[int, Reading]] = (0.0, {})
        self._looked = 0

    def look(self, now: float) -> Sight | None:
        """Look once; return what it is, or None when another look is needed.

        To be called ``LOOKS`` seconds after the limit, with the monotonic clock's time.
        """
        reason = procfs.why_unreadable()
        if reason:
            return Sight(HangClass.UNKNOWN, reason)
        try:
            seen = {reading.tid: reading for reading in self._readings()}
        except OSError as error:
            return Sight(HangClass.UNKNOWN, f"the process cannot be looked at: {error.strerror}")
        self._looked += 1
        if self._looked == 1:
            self._first = now, seen
            return None
        moves = self._moves(now, seen)
        unsure = [one for one in moves if one.last.wait is not None and one.last.wait.timed and not one.woke]
        sight = _classify(moves)
        if unsure and sight.kind is HangClass.STALLED and self._looked < len(LOOKS):
            return None
        return sight

    def _readings(self) -> Iterable[Reading]:
        pids = procfs.below(self._scene.pid)
        found = [reading for pid in pids for reading in procfs.read_threads(pid)]
        return [
            one for one in found if one.tid == self._scene.thread or one.tid not in self._scene.bystanders
        ]

    def _moves(self, now: float, seen: dict[int, Reading]) -> list[_Moves]:
        then, before = self._first
        elapsed = max(now - then, 1e-3)
        moves = []
        for tid, last in seen.items():
            if tid in before:
                ran = (last.cpu - before[tid].cpu) / 1e9 / elapsed
                wanted = ran + (last.delay - before[tid].delay) / 1e9 / elapsed
                wakes = (last.turns - before[tid].turns) / elapsed
                asleep_in = last.wait or before[tid].wait
                moves.append(_Moves(last, asleep_in, wanted, ran, wakes, self._name(last)))
        return sorted(moves, key=lambda one: one.last.tid != self._scene.thread)

    def _name(self, reading: Reading) -> str:
        if reading.tid == self._scene.thread:
            return f"the calling thread ({reading.tid})"
        if reading.pid != self._scene.pid:
            return f"thread {reading.tid} of process {reading.pid}"
        return f"thread {reading.tid}"


def _classify(moves: list[_Moves]) -> Sight:
    """Name the situations in the order in which they explain each other."""
    if not moves:
        return Sight(HangClass.UNKNOWN, "no thread lived from one look to the next")
    stopped = [one for one in moves if one.last.state in "Tt"]
    if stopped:
        return Sight(HangClass.STOPPED, f"{stopped[0].name} was stopped by a signal")
    busy = [one for one in moves if one.busy]
    if busy:
        return _of_busy(moves[0], busy)
    return _of_sleeping(moves)


def _of_busy(caller: _Moves, busy: list[_Moves]) -> Sight:
    """Somebody wants a processor all the time: it spins, or it, or the caller, is kept from running."""
    first = busy[0]
    if first.ran < STARVED * first.wanted:
        return Sight(
            HangClass.STARVED,
            f"{first.name} is ready to run, but had a processor for {first.ran:.1%} of the time only",
        )
    if caller is not first and caller.last.pid == first.last.pid and caller.asks_for_the_interpreter:
        return Sight(
            HangClass.STARVED,
            f"{caller.name} asks for the interpreter {caller.wakes:.0f} times a second and does not get it,"
            f" while {first.name} runs",
        )
    return Sight(HangClass.SPINNING, f"{first.name} used a processor for {first.ran:.0%} of the time")


def _of_sleeping(moves: list[_Moves]) -> Sight:
    """Nobody runs: something may still come from outside or from a clock, or nothing can come any more."""
    inside = frozenset(one.last.pid for one in moves)
    for one in moves:
        hope = _hope(one, inside)
        if hope:
            return Sight(HangClass.STALLED, f"{one.name} {hope}")
    places = [
        f"{one.name} sleeps in {one.last.wait.call}"
        + (f", looks around {one.wakes:.1f} times a second and goes on sleeping" if one.woke else "")
        for one in moves
        if one.last.wait is not None
    ]
    more = f"; {len(places) - 4} more sleep alike" if len(places) > 4 else ""
    reason = "; no timer runs, and every descriptor that is waited for ends in these processes"
    return Sight(HangClass.DEADLOCK, "; ".join(places[:4]) + more + reason)


def _hope(one: _Moves, inside: frozenset[int]) -> str:
    """Return what can still end a thread's sleep; empty when nothing can."""
    wait = one.last.wait
    if wait is None:
        return f"was doing something when it was looked at (state {one.last.state})"
    again = " again and again" if one.woke else ""
    if wait.timed and not one.woke:
        reason = ", which a timer will end"
    elif one.last.state == "D":
        reason = ", which waits for a device"
    elif wait.kind in {"other", "timer"}:
        reason = again or ", whose end is not known"
    elif wait.kind == "descriptors" and wait.descriptors is None:
        reason = "; on what cannot be told"
    elif wait.kind == "descriptors" and procfs.ends_outside(one.last.pid, wait.descriptors or (), inside):
        reason = " on a descriptor whose other end is elsewhere"
    else:
        return ""
    return f"sleeps in {wait.call}{reason}"
