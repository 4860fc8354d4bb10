"""What a second, instrumented run says of its hang, read and put into words: who waits for whom."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matrix.stacks import Frame, concerns_the_call

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ("Testimony", "Waiter", "read_testimony")

# Of more nobody reads; a guess.
MAX_TOLD = 20


@dataclass(frozen=True)
class Waiter:
    """A thread or task of the process that hung.

    Attributes:
        key: "thread" or "task", and its number.
        name: as its own process calls it.
        frames: its stack, outermost first; the text of each line with it.
        waits: what it waits for.
        loop: for a task, its loop's number.
        running: whether a task is being executed, or waits inside a thread's stack.
    """

    key: tuple[str, int]
    name: str
    frames: tuple[tuple[Frame, str], ...]
    waits: tuple[dict[str, Any], ...]
    loop: int = 0
    running: bool = False

    @property
    def called(self) -> str:
        """Return what to call it in a sentence."""
        return f"{self.key[0]} {self.name}"

    @property
    def stack(self) -> list[Frame]:
        """Return its frames alone."""
        return [frame for frame, _ in self.frames]


class Testimony:
    """All threads, tasks and loops of one process at one moment."""

    def __init__(
        self, threads: Iterable[Waiter], tasks: Iterable[Waiter], loops: dict[int, int | None]
    ) -> None:
        self.threads = tuple(threads)
        self.tasks = tuple(tasks)
        self._loops = loops
        self._known = {one.key: one for one in (*self.threads, *self.tasks)}

    def explanation(self) -> str:
        """Return a sentence for each wait that explains the hang, and the circle if they close one."""
        circle = self._circle()
        everybody = [one for one in (*self.threads, *self.tasks) if not one.running]
        told = [one for one in everybody if one in circle or concerns_the_call(one.stack)]
        ordered = sorted(told or everybody, key=lambda one: one not in circle)
        lines = [self._sentence(one) for one in ordered[:MAX_TOLD]]
        if len(ordered) > MAX_TOLD:
            lines.append(f"and {len(ordered) - MAX_TOLD} more")
        if circle:
            names = " -> ".join(one.called for one in (*circle, circle[0]))
            lines.append(f"a circle, so that none of them can go on: {names}")
        return "\n".join(lines)

    def task_stacks(self) -> str:
        """Return the stacks of all tasks as text, innermost call last."""
        return "\n".join(f"{one.called}\n{_as_text(one.frames)}" for one in self.tasks)

    def _sentence(self, one: Waiter) -> str:
        place = _user_frame(one.frames)
        where = f" at {_file(place[0])}:{place[0].line} in {place[0].function}" if place else ""
        text = f" (`{place[1]}`)" if place and place[1] else ""
        if not one.waits:
            return f"{one.called} is{where}{text}"
        if one.key[0] == "thread" and one.waits[0].get("for") == "loop" and not one.waits[0].get("scheduled"):
            return f"{one.called} runs a loop that has nothing to do until one of its tasks is told something"
        what = " and ".join(self._words(wait) for wait in one.waits)
        owner = self._thread_of(one.loop) if one.key[0] == "task" else None
        of = f", on the loop of {owner.called}," if owner is not None else ""
        return f"{one.called}{of} waits{where}{text} for {what}"

    def _words(self, wait: dict[str, Any]) -> str:
        number = wait.get("id")
        match wait.get("for"):
            case "thread":
                other = self._known.get(("thread", number if isinstance(number, int) else 0))
                return f"{other.called if other else 'a thread that has ended'} to end"
            case "task":
                return f"task {wait.get('name')} to end"
            case "loop":
                return self._words_on_loop(number, scheduled=bool(wait.get("scheduled")))
            case "lock":
                who = [one.called for one in self._holders(wait)]
                held = f"held by {' and '.join(who)}" if who else "by whom it is held cannot be told"
                return f"the lock {wait.get('name')}, {held}"
        return f"a {wait.get('kind', 'future')} of which nothing shows who would complete it"

    def _words_on_loop(self, number: object, *, scheduled: bool) -> str:
        owner = self._thread_of(number)
        whose = f"the loop of {owner.called}" if owner else "a loop"
        if scheduled:
            return f"a future that only {whose} can complete, where the work for it has not begun"
        return f"what {whose} has to do: nothing is ready"

    def _holders(self, wait: dict[str, Any]) -> list[Waiter]:
        numbers = wait.get("holders")
        found = [self._known.get(("thread", one)) for one in numbers] if isinstance(numbers, list) else []
        return [one for one in found if one is not None]

    def _thread_of(self, loop: object) -> Waiter | None:
        thread = self._loops.get(loop) if isinstance(loop, int) else None
        return self._known.get(("thread", thread)) if thread is not None else None

    def _after(self, one: Waiter) -> list[Waiter]:
        """Return whom one waits for."""
        found: list[Waiter | None] = []
        for wait in one.waits:
            number = wait.get("id")
            if wait.get("for") == "lock":
                found += self._holders(wait)
            elif wait.get("for") == "loop" and wait.get("scheduled"):
                found.append(self._thread_of(number))
            elif wait.get("for") == "loop":
                # A loop that has nothing to do waits for its tasks to be told something.
                found += [task for task in self.tasks if task.loop == number and not task.running]
            elif isinstance(number, int):
                found.append(self._known.get((str(wait.get("for")), number)))
        return [one for one in found if one is not None]

    def _circle(self) -> list[Waiter]:
        """Return waiters of which each waits for the next and the last for the first; empty if none do."""
        for first in self.threads:
            path: list[Waiter] = []
            if self._comes_back(first, first, path, set()):
                return path
        return []

    def _comes_back(self, one: Waiter, first: Waiter, path: list[Waiter], seen: set[tuple[str, int]]) -> bool:
        path.append(one)
        seen.add(one.key)
        for after in self._after(one):
            if after is first or (after.key not in seen and self._comes_back(after, first, path, seen)):
                return True
        path.pop()
        return False


def read_testimony(line: bytes) -> Testimony | str:
    """Return what one line of a host's testimony says, or why nothing can be made of it."""
    try:
        data = json.loads(line)
        if "failure" in data:
            return f"the hung process could not tell: {data['failure']}"
        loops = {int(loop["id"]): loop["thread"] for loop in data["loops"]}
        threads = [_waiter("thread", one) for one in sorted(data["threads"], key=lambda one: not one["main"])]
        tasks = [_waiter("task", one) for one in data["tasks"]]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        return f"the hung process told what cannot be read: {type(error).__name__}: {error}"
    return Testimony(threads, tasks, loops)


def _waiter(kind: str, data: dict[str, Any]) -> Waiter:
    frames = tuple(
        (Frame(str(file), int(line), str(function)), str(source))
        for file, line, function, source in data["frames"]
    )
    waits = tuple(dict(wait) for wait in data["waits"])
    key = (kind, int(data["id"]))
    return Waiter(key, str(data["name"]), frames, waits, int(data.get("loop", 0)), bool(data.get("running")))


def _user_frame(frames: tuple[tuple[Frame, str], ...]) -> tuple[Frame, str] | None:
    """Return the innermost frame outside the standard library: what its author can change."""
    own = [one for one in frames if not one[0].standard]
    return own[-1] if own else None


def _file(frame: Frame) -> str:
    """Return a file's last two names: enough to find it, and the same on every machine."""
    return "/".join(frame.file.replace("\\", "/").split("/")[-2:])


def _as_text(frames: tuple[tuple[Frame, str], ...]) -> str:
    return "\n".join(
        f'  File "{frame.file}", line {frame.line}, in {frame.function}'
        + (f"\n    {source}" if source else "")
        for frame, source in frames
    )
