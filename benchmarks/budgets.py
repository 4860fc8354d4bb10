"""The budgets as data: what a ratio may be, and whether it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.model import Candidate, Crowd, Kind, Latency

__all__ = ("Verdict", "crowd_verdicts", "latency_verdicts")

WALL_LIMIT = 1.5
"""Times the longest call."""


@dataclass(frozen=True)
class Verdict:
    """One budget and what was measured against it.

    Attributes:
        budget: what was promised.
        limit: the bound, as text.
        measured: what was found, as text.
        ok: whether it holds; None if it could not be measured.
        binding: whether it is a promise; else it is there for comparison.
    """

    budget: str
    limit: str
    measured: str
    ok: bool | None
    binding: bool = True

    @property
    def missed(self) -> bool:
        """Whether this is a promise that was not kept, or not shown to be."""
        return self.binding and self.ok is not True

    @property
    def word(self) -> str:
        """The verdict in a word."""
        if not self.binding:
            return "for comparison"
        return "not measured" if self.ok is None else "OK" if self.ok else "OVER"


def latency_verdicts(results: Mapping[str, Latency], candidates: Mapping[str, Candidate]) -> list[Verdict]:
    """Judge what one call costs, from the medians of the rounds."""
    ratio = {key: result.ratio.median for key, result in results.items() if result.ratio is not None}
    return [
        _at_most("inside a loop, asyncio portal", 5, ratio.get("ours")),
        _at_most("inside a loop, uvloop portal", 3, ratio.get("ours_uvloop")),
        _faster("a new thread a call", 7, ratio.get("ours"), ratio.get("new_thread")),
        _faster("asyncio.run in a script", 4, ratio.get("ours_script"), ratio.get("asyncio_run")),
        _ahead_of_all("asyncio", "ours", ratio, candidates),
        _ahead_of_all("uvloop", "ours_uvloop", ratio, candidates),
    ]


def _at_most(what: str, limit: float, ratio: float | None) -> Verdict:
    if ratio is None:
        return Verdict(what, f"<= {limit:g} x hand-off", "-", None)
    return Verdict(what, f"<= {limit:g} x hand-off", f"{ratio:.1f} x", ratio <= limit)


def _faster(than: str, limit: float, ours: float | None, theirs: float | None) -> Verdict:
    what, bound = f"faster than {than}", f">= {limit:g} x"
    if ours is None or theirs is None:
        return Verdict(what, bound, "-", None)
    return Verdict(what, bound, f"{theirs / ours:.1f} x", theirs / ours >= limit)


def _ahead_of_all(
    loop: str, ours: str, ratio: Mapping[str, float], candidates: Mapping[str, Candidate]
) -> Verdict:
    """Compare with libraries and with what is written by hand alike, wherever they are called.

    Each with what runs on the same kind of loop: choosing a faster loop is open to us, too.
    """
    rivals = {
        key: value
        for key, value in ratio.items()
        if candidates[key].kind in (Kind.PEER, Kind.YARDSTICK)
        and (candidates[key].needs == "uvloop") == (loop == "uvloop")
    }
    what, bound = f"ahead of every other way, on {loop}", "> 1 x the fastest"
    if not rivals or ours not in ratio:
        return Verdict(what, bound, "-", None)
    best = min(rivals, key=rivals.__getitem__)
    found = rivals[best] / ratio[ours]
    return Verdict(what, bound, f"{found:.2f} x {candidates[best].label}", found > 1)


def crowd_verdicts(crowds: Sequence[Crowd], *, ours: str, floor: str) -> list[Verdict]:
    """Judge what many callers at once cost; each limit of descriptors is judged by itself."""
    mine = [crowd for crowd in crowds if crowd.key == ours]
    if not mine:
        return []
    return [_one_thread(mine), _constant_descriptors(mine), *_walls(crowds, ours=ours, floor=floor)]


def _one_thread(mine: Sequence[Crowd]) -> Verdict:
    most = max(crowd.threads for crowd in mine)
    return Verdict("threads beyond the callers", "<= 1", str(most), most <= 1 and _sound(mine))


def _constant_descriptors(mine: Sequence[Crowd]) -> Verdict:
    low, high = min(crowd.descriptors for crowd in mine), max(crowd.descriptors for crowd in mine)
    measured = str(low) if low == high else f"{low} to {high}"
    return Verdict("descriptors, however many callers", "the same", measured, low == high and _sound(mine))


def _sound(mine: Sequence[Crowd]) -> bool:
    return not any(crowd.problem for crowd in mine)


def _walls(crowds: Sequence[Crowd], *, ours: str, floor: str) -> Iterator[Verdict]:
    callers = max(crowd.callers for crowd in crowds)
    floors = {
        crowd.work_seconds: crowd.wall_seconds
        for crowd in crowds
        if crowd.key == floor and crowd.callers == callers and not crowd.problem
    }
    for crowd in crowds:
        if crowd.key != ours or crowd.callers != callers:
            continue
        what = f"{callers:,} callers, {crowd.work_seconds:g} s each"
        what += f", ulimit -n {crowd.limit}" if crowd.limit else ""
        yield _wall(what, crowd, floors.get(crowd.work_seconds))


def _wall(what: str, crowd: Crowd, floor: float | None) -> Verdict:
    """Compare with the call's own length; where that is short, with the floor, for comparison only.

    A thousand threads need longer than 50 ms just to be woken, whatever they do.
    """
    unit, name = (crowd.work_seconds, "the call") if floor is None else (floor, "time.sleep")
    bound, binding = f"<= {WALL_LIMIT:g} x {name}", floor is None
    if crowd.problem:
        return Verdict(what, bound, crowd.problem, ok=False)
    times = crowd.wall_seconds / unit
    return Verdict(what, bound, f"{times:.2f} x", times <= WALL_LIMIT, binding)
