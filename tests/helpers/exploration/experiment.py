"""One experiment, in a child process: a section, one disturbance at one opcode, and what is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from agent_runtime.bridge import run_sync
from agent_runtime.errors import BridgeClosedError
from tests.helpers.exploration.disturbances import DISTURBANCES
from tests.helpers.exploration.scene import Injected, Scene
from tests.helpers.exploration.sections import EXIT, SECTIONS
from tests.helpers.exploration.tripwire import Tripwire

__all__ = ("Experiment", "Observation", "exceeds", "perform")

_SETTLE_LIMIT = 5.0
"""Seconds that threads, descriptors and tasks get to come to rest."""
_scenes: list[Scene] = []
"""Kept to the end of the process: nothing of a scene is garbage by itself."""
_BASELINE_SECONDS = 0.1
"""Seconds for which an undisturbed experiment looks for the least that is left."""


@dataclass
class Observation:
    """What an experiment showed.

    Attributes:
        opcodes: how many the section executed.
        place: where the disturbance came, or None; told apart, before it comes.
        outcome: what the section returned, or "raised" and the type.
        unfinished: pieces of work that had begun and not cleaned up when the section was over.
        reports: what the disturbance saw.
        complaints: what was wrong afterwards, in words.
        left: threads, descriptors and objects at the end.
    """

    opcodes: int = 0
    place: str | None = None
    outcome: str = ""
    unfinished: int = 0
    reports: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Experiment:
    """What to do: which section, which disturbance, on which side, at which opcode (or at none)."""

    section: str
    disturbance: str
    side: str
    at: int | None = None

    def __str__(self) -> str:
        return f"{self.section}, {self.disturbance} on the {self.side}'s side"

    @property
    def on_loop_side(self) -> bool:
        """Whether the point is in a loop thread."""
        return self.side == "loop"


def perform(
    experiment: Experiment, limits: Mapping[str, int] | None, on_place: Callable[[str], None]
) -> tuple[Observation, Tripwire]:
    """Perform an experiment in this process, on its main thread.

    Args:
        experiment: what to do.
        limits: what an undisturbed experiment leaves, or None if this is that one.
        on_place: told of the place, just before the disturbance comes.

    Returns:
        What it showed; and the tripwire, which still counts if the section goes on to the end of the
        process.
    """
    scene = Scene()
    _scenes.append(scene)
    before = signal.getsignal(signal.SIGINT)
    action = DISTURBANCES[experiment.disturbance](scene, experiment.on_loop_side)
    tripwire = Tripwire(experiment.at, action, on_place=on_place, on_loop_side=experiment.on_loop_side)
    scene.tripwire = tripwire
    seen = Observation()
    seen.reports = scene.reports
    seen.outcome = _outcome(experiment.section, scene)
    seen.unfinished = scene.begun - scene.cleaned_up
    if SECTIONS[experiment.section] is EXIT:
        return seen, tripwire
    if signal.getsignal(signal.SIGINT) is not before:
        seen.complaints.append(f"SIGINT is handled by {signal.getsignal(signal.SIGINT)}")
    if asyncio._get_running_loop() is not None:
        seen.complaints.append("a loop is marked as running in this thread")
    if any(not came for came in [wait() for wait in scene.pending]):
        seen.complaints.append("the other thread never came back")
    _look_after(scene, seen, limits)
    return seen, tripwire


def _outcome(section: str, scene: Scene) -> str:
    try:
        value = SECTIONS[section](scene)
        for _ in range(3):
            pass  # a signal that is pending is handled here
        return repr(value)
    except (Injected, KeyboardInterrupt, BridgeClosedError) as error:
        return f"raised {type(error).__name__}"
    except BaseException as error:
        return f"raised {error!r}"


def _look_after(scene: Scene, seen: Observation, limits: Mapping[str, int] | None) -> None:
    """Use the bridge again, and count what is left."""
    if scene.closes:
        scene.bridge.close()  # the first time may have been interrupted
        with contextlib.suppress(BridgeClosedError):
            seen.complaints.append(f"a closed bridge returned {scene.call(5)}")
    elif scene.call(5) != 5 or scene.bridge.run_sync(scene.nested, 5) != 5:
        seen.complaints.append("a later call returned something else")
    elif not _settles(lambda: scene.bridge.run_sync(scene.count_tasks) == 0):
        seen.complaints.append("a task is left on the loop")
    if not _settles(lambda: scene.begun == scene.cleaned_up):
        seen.complaints.append("work was never cleaned up")
    if run_sync(asyncio.sleep, 0, "works") != "works":
        seen.complaints.append("the shared bridge does not work")
    seen.left = _leftovers(limits)


def _leftovers(limits: Mapping[str, int] | None) -> dict[str, int]:
    """Count what is left, once it is no more than ``limits``; without limits, once it stops shrinking."""
    least = _count()
    deadline = time.monotonic() + (_SETTLE_LIMIT if limits is not None else _BASELINE_SECONDS)
    while time.monotonic() < deadline and (limits is None or exceeds(least, limits)):
        time.sleep(0.005)
        now = _count()
        least = {name: min(now.get(name, 0), least.get(name, 0)) for name in {*now, *least}}
    return {name: count for name, count in least.items() if count}


def exceeds(counts: Mapping[str, int], limits: Mapping[str, int]) -> list[str]:
    """Return the names of what is more than its limit."""
    return [name for name, count in counts.items() if count > limits.get(name, 0)]


def _count() -> dict[str, int]:
    """Count threads, descriptors, and the objects of our own classes that the collector does not free."""
    gc.collect()
    counts = Counter(
        f"{type(thing).__module__}.{type(thing).__qualname__}"
        for thing in gc.get_objects()
        if type(thing).__module__.startswith("agent_runtime.")
    )
    threads, descriptors = len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))
    return {"threads": threads, "descriptors": descriptors, **counts}


def _settles(so: Callable[[], bool]) -> bool:
    """Whether something becomes so within a limit."""
    deadline = time.monotonic() + _SETTLE_LIMIT
    while not so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True
