"""What a host has written on the calling thread, put out of sight for a while.

A host marks the thread that runs its loop: as running that loop, in that task, as being in trio. While the
thread waits in a sync call, the loop stands still, and yet the marks are there: code that asks (an ORM's
async-safety check, a browser driver's sync API, ``asyncio.run``, ``trio.run``) would refuse to work. So
plain functions of the work are called with the marks taken off, and see what a plain script would show.

Nothing here imports trio, sniffio or greenlet: a host that they are about has imported them.
"""

from __future__ import annotations

import asyncio
import sys
from _thread import _local
from asyncio import events, tasks
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable
from weakref import WeakKeyDictionary

from agent_runtime.bridge.hostloop import running_loop

__all__ = (
    "Lent",
    "call_hidden",
    "call_in_sight",
    "come_in_sight",
    "go_out_of_sight",
    "host_of_this_greenlet",
)

T = TypeVar("T")


@runtime_checkable
class Lent(Protocol):
    """What a call has taken over for the thread, and gives back while other greenlets have it."""

    def step_aside(self) -> None:
        """Give it back for a while; a second time does nothing."""

    def step_in(self) -> None:
        """Take it over again; a second time does nothing."""


def call_hidden(lent: Lent | None, fn: Callable[..., T], *args: object) -> T:
    """Call ``fn(*args)`` as a plain script would: with no host to be seen in this thread.

    Afterwards all is as before. Where greenlets are in use, all is so too whenever the function
    switches to a greenlet that is not of its own making: a host's loop may go on there.

    Args:
        lent: what the call itself has taken over: SIGINT, in the main thread.
        fn: somebody's plain function.
        args: for it.
    """
    __tracebackhide__ = True
    modules = sys.modules
    greenlet = modules.get("greenlet")
    if (lent is None or greenlet is None) and not _is_marked():
        return fn(*args)
    hiding = _Hiding(lent)
    try:  # from here on: a signal handler may raise anywhere
        hiding.begin(greenlet)
        return fn(*args)
    finally:
        try:
            hiding.end()
        except BaseException:  # a signal handler's, in the middle of it
            hiding.end()
            raise


def _is_marked() -> bool:
    """Whether a host has marked this thread."""
    if running_loop() is not None:
        return True
    if "sniffio" not in sys.modules and "trio" not in sys.modules:
        return False
    marks = (mark for storage in _storages()[1:] for mark in _of_this_thread(storage).values())
    return any(mark is not None for mark in marks)


class _Marks(NamedTuple):
    """What a host has written on a thread.

    Attributes:
        loop: the running loop.
        task: its current task.
        hooks: for async generators.
        storages: what the thread-local objects of :func:`_storages` hold for this thread.
    """

    loop: asyncio.AbstractEventLoop | None
    task: asyncio.Task[Any] | None
    hooks: tuple[Any, Any]
    storages: tuple[dict[str, Any], ...]


def _storages() -> tuple[object, object, object]:
    """Return the thread-local objects of asyncio's current loop, trio's run and task, sniffio's mark."""
    modules = sys.modules
    policy = getattr(events, "_event_loop_policy", None)
    return (
        getattr(policy, "_local", None),
        getattr(modules.get("trio._core._run"), "GLOBAL_RUN_CONTEXT", None),
        getattr(modules.get("sniffio"), "thread_local", None),
    )


def _of_this_thread(storage: object) -> dict[str, Any]:
    """Return what a thread-local object holds for this thread: the very dictionary."""
    return getattr(storage, "__dict__", {}) if storage is not None else {}


def _look() -> _Marks:
    loop = running_loop()
    task = None if loop is None else tasks.current_task(loop)
    storages = tuple(dict(_of_this_thread(storage)) for storage in _storages())
    return _Marks(loop, task, sys.get_asyncgen_hooks(), storages)


def _show(marks: _Marks) -> None:
    """Put marks on this thread, in the place of those that it has; may be repeated."""
    loop = running_loop()
    task = None if loop is None else tasks.current_task(loop)
    if loop is not None and task is not None and (loop is not marks.loop or task is not marks.task):
        tasks._leave_task(loop, task)  # noqa: SLF001 - documented for authors of event loops
    events._set_running_loop(marks.loop)  # noqa: SLF001 - so is this
    if marks.loop is not None and marks.task is not None and tasks.current_task(marks.loop) is None:
        tasks._enter_task(marks.loop, marks.task)  # noqa: SLF001
    sys.set_asyncgen_hooks(*marks.hooks)
    for storage, marked in zip(_storages(), marks.storages, strict=True):
        here = _of_this_thread(storage)
        if here != marked:
            here.clear()
            here.update(marked)


_scripts = _local()
"""What asyncio's current loop is for plain functions of this thread while a loop runs in it: a function may
set one, or have one made by asking for it, and the next function finds it."""


def _hidden(shown: _Marks) -> _Marks:
    """Return what a plain script would have where a host has ``shown``."""
    current, *others = shown.storages
    if _runs(current):
        current = getattr(_scripts, "current", {})
    hooks = (None, None) if shown.loop is not None or any(others) else shown.hooks
    return _Marks(None, None, hooks, (current, {}, {}))


def _runs(current: dict[str, Any]) -> bool:
    """Whether asyncio's current loop is one that runs; a plain script's never does."""
    loop = current.get("_loop")
    return loop is not None and bool(loop.is_running())


class _Hiding:
    """The marks of one thread, put out of sight while one greenlet of it calls a plain function.

    Attributes:
        outer: the hiding inside which this one began, or None.
        owner: the greenlet, by its id.
        is_on: whether the marks are out of sight right now; not while greenlets of the host run.
        is_over: whether the function has returned.
        in_sight: who needs the marks right now inside the function, innermost last; by their ids.
        other: the marks that are not on the thread right now: the host's, or the function's.
    """

    __slots__ = (
        "_ends",
        "_lent",
        "_tracer",
        "_watch",
        "in_sight",
        "is_on",
        "is_over",
        "other",
        "outer",
        "owner",
    )

    def __init__(self, lent: Lent | None) -> None:
        self._lent = lent
        self._tracer: _Tracer | None = None
        self._watch: Any = None
        self._ends = self.is_on = self.is_over = False
        self.in_sight: list[int] = []
        self.outer: _Hiding | None = None
        self.owner = 0
        self.other = _look()

    def begin(self, greenlet: Any) -> None:
        """Put the marks out of sight; where there are greenlets, follow their switches from now on."""
        if greenlet is not None:
            here = greenlet.getcurrent()
            self.owner, self.outer = id(here), _hiding_of(here)
            self._tracer = _Tracer.of_this_thread(greenlet, self)
            _hidings[here] = self
            if "greenback" in sys.modules:
                self._watch = _watch_greenback(self.other)
        self.is_on = True
        _show(_hidden(self.other))

    def end(self) -> None:
        """Put all back; may be repeated."""
        if self.is_on:
            if not self._ends:
                self._keep_current_loop()
                self._ends = True
            _show(self.other)
            self.is_on = False
        self.is_over = True
        if self._watch is not None:
            self._watch.stop()
        if self._tracer is not None:
            self._tracer.release(self)
            self._tracer = None

    def _keep_current_loop(self) -> None:
        """Have the next function find what this one has made asyncio's current loop."""
        hosts, *others = self.other.storages
        current = dict(_of_this_thread(_storages()[0]))
        if _runs(hosts):
            _scripts.current = current
        else:  # it was never out of sight
            self.other = self.other._replace(storages=(current, *others))

    def cross(self) -> None:
        """Change sides: put the host's marks back, or out of sight again."""
        mine = _look()
        try:
            self._cross()
        except BaseException:  # a signal handler's, in the middle of it
            self._cross()
            raise
        finally:
            self.other, self.is_on = mine, not self.is_on

    def _cross(self) -> None:
        _show(self.other)
        if self._lent is None:
            return
        if self.is_on:
            self._lent.step_aside()
        else:
            self._lent.step_in()


_hidings: WeakKeyDictionary[Any, _Hiding] = WeakKeyDictionary()
"""Inside which hiding a greenlet runs: the one that calls the function, and those that this starts."""


def _hiding_of(greenlet: object) -> _Hiding | None:
    hiding = _hidings.get(greenlet)
    while hiding is not None and hiding.is_over:
        hiding = hiding.outer
    return hiding


class _Tracer:
    """Told of each switch of greenlets where something is hidden; passes it on to who was told before.

    What a signal handler raises in the middle of it comes out, in the greenlet that is switched to, as it
    would an instruction later; nothing else does.
    """

    def __init__(self, greenlet: Any, previous: Callable[..., object] | None) -> None:
        self._greenlet = greenlet
        self._previous = previous
        self._hidings: set[_Hiding] = set()

    @classmethod
    def of_this_thread(cls, greenlet: Any, hiding: _Hiding) -> _Tracer:
        """Return the one that this thread has, or a new one."""
        tracer = greenlet.gettrace()
        if type(tracer) is not cls:
            tracer = cls(greenlet, tracer)
        tracer._hidings.add(hiding)
        greenlet.settrace(tracer)
        return tracer

    def release(self, hiding: _Hiding) -> None:
        """Trace no more for this hiding; may be repeated."""
        here = self._greenlet.getcurrent()
        if hiding.outer is not None:
            _hidings[here] = hiding.outer
        else:
            _hidings.pop(here, None)
        self._hidings.discard(hiding)
        if not self._hidings and self._greenlet.gettrace() is self:
            self._greenlet.settrace(self._previous)

    def __call__(self, event: str, greenlets: Any) -> None:
        """Be told of a switch, in the greenlet that is switched to."""
        is_new = sys._getframe().f_back is None  # noqa: SLF001 - it has no frame yet: it has just been started
        try:
            _follow(greenlets, is_new=is_new)
        except BaseException:
            try:
                _follow(greenlets, is_new=is_new)
            except Exception:  # noqa: BLE001 - the interpreter is being taken down, say
                return
            raise
        finally:
            if self._previous is not None:
                self._previous(event, greenlets)


def _follow(greenlets: Any, *, is_new: bool) -> None:
    """Have the marks out of sight as the greenlet that is switched to is used to."""
    origin, target = greenlets
    left, entered = _hiding_of(origin), _hiding_of(target)
    if is_new and entered is None and left is not None:
        _hidings[target] = entered = left
    if entered is left:
        return
    around = []
    while entered is not None:
        around.append(entered)
        entered = entered.outer
    while left is not None and left not in around:
        if left.is_on:
            left.cross()
        left = left.outer
    for hiding in reversed(around):
        if not hiding.is_on and not hiding.in_sight:
            hiding.cross()


def _hiding_here() -> _Hiding | None:
    """Return the innermost hiding that this very greenlet has; not those that it was started in."""
    greenlet = sys.modules.get("greenlet")
    here = None if greenlet is None else greenlet.getcurrent()
    hiding = None if here is None else _hiding_of(here)
    return hiding if hiding is not None and hiding.owner == id(here) else None


def host_of_this_greenlet() -> tuple[asyncio.AbstractEventLoop | None, object]:
    """Return the loop that goes on if this greenlet is suspended; and its task, or trio's, if out of sight.

    A loop that a plain function runs, inside a task of the host, is none: it stands on this very greenlet.
    """
    loop, hiding = running_loop(), _hiding_here()
    if hiding is None or not hiding.is_on:
        return loop, None
    if loop is not None or (hiding.outer is not None and hiding.outer.owner == hiding.owner):
        return None, None
    marks = hiding.other
    return marks.loop, _task_in(marks)


def _task_in(marks: _Marks) -> object:
    """Return asyncio's task, or trio's."""
    return marks.task or marks.storages[1].get("task")


def call_in_sight(fn: Callable[..., T], *args: object) -> T:
    """Call ``fn(*args)`` with the host's marks back in their places, should they be out of sight."""
    __tracebackhide__ = True
    here = id(args)
    come_in_sight(here)
    try:
        return fn(*args)
    finally:
        go_out_of_sight(here)


def come_in_sight(who: int) -> None:
    """Put the marks of the host back that are kept from this greenlet, until ``who`` needs them no more."""
    hiding = _hiding_here()
    if hiding is not None:
        hiding.in_sight.append(who)
        if hiding.is_on:
            hiding.cross()


def go_out_of_sight(who: int) -> None:
    """Take them off again; does nothing if ``who`` is not the last one that needs them."""
    hiding = _hiding_here()
    if hiding is not None and hiding.in_sight[-1:] == [who]:
        hiding.in_sight.pop()
        if not hiding.in_sight and not hiding.is_on:
            hiding.cross()


def _watch_greenback(marks: _Marks) -> Any:
    """Have ``greenback.await_()`` find the host, in a task that greenback has prepared."""
    task, has_portal = _task_in(marks), getattr(sys.modules["greenback"], "has_portal", None)
    if task is None or has_portal is None or not has_portal(task):
        return None
    from agent_runtime.bridge.greenbacks import watch  # imported here: few programs need it

    return watch(sys.modules["greenback"].await_)
