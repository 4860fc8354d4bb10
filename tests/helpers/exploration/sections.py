"""The sections of a sync call's life that are explored, one function each."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from agent_runtime.bridge import run_sync
from tests.helpers.exploration.scene import Scene

__all__ = ("EXIT", "SECTIONS")


def first_call(scene: Scene) -> object:
    """The portal starts, on the way to the first call's value."""
    run_sync(asyncio.sleep, 0)  # another bridge has noticed that this process is a fork
    with scene.explored():
        return scene.call(3)


def first_call_in_child(scene: Scene) -> object:
    """The same in a forked process, which has to begin anew before."""
    with scene.explored():
        return scene.call(3)


def later_call(scene: Scene) -> object:
    """The portal is there."""
    scene.call(0)
    with scene.explored():
        return scene.call(3)


def nested_call(scene: Scene) -> object:
    """Calls inside a call: on the loop thread, where a deeper portal starts, and on the calling thread."""
    scene.call(0)
    with scene.explored():
        return scene.bridge.run_sync(scene.nested, 3)


def call_in_running_loop(scene: Scene) -> object:
    """A call where asyncio.run() has a loop in the calling thread."""
    scene.call(0)

    async def main() -> object:
        with scene.explored():
            value = scene.bridge.run_sync(scene.work, 3, on_running_loop="allow")
        await asyncio.sleep(0)  # asyncio.run() delivers here what came outside the call
        return value

    return asyncio.run(main())


def timed_out_call(scene: Scene) -> object:
    """A call that its deadline cancels."""
    scene.call(0)
    with scene.explored():
        try:
            scene.bridge.run_sync(scene.forever, timeout=0.005)
        except TimeoutError:
            return 3
    return None


def direct_call(scene: Scene) -> object:
    """A call in a loop of its own on the calling thread."""
    scene.call(0)
    with scene.explored():
        return scene.bridge.run_sync(scene.work, 3, strategy="direct")


def iteration(scene: Scene) -> object:
    """A whole iteration, to its end."""
    scene.call(0)
    with scene.explored():
        return len(list(scene.bridge.iterate(scene.items(3))))


def iteration_left_early(scene: Scene) -> object:
    """An iteration that is left when it has produced one item."""
    scene.call(0)
    with scene.explored():
        for item in scene.bridge.iterate(scene.items(5)):
            return item + 3
    return None


def enter_and_exit(scene: Scene) -> object:
    """A ``with`` block around an async context manager."""
    scene.call(0)
    with scene.explored(), scene.bridge.enter(scene.manager(3)) as value:
        return value


def close(scene: Scene) -> object:
    """A bridge is closed while work waits on its loop."""
    scene.bridge.run_sync(scene.leave_behind)
    scene.closes = True
    with scene.explored():
        scene.bridge.close()
    return 3


def fork(scene: Scene) -> object:
    """A process forks; the first call in the child."""
    scene.call(0)
    with scene.explored():
        pid = os.fork()
        if pid == 0:
            code = 3
            try:
                code = 0 if scene.call(9) == 9 else 2
            except BaseException as error:
                code = 4 if type(error).__name__ in ("KeyboardInterrupt", "Injected") else 3
            os._exit(code)
    return 3 if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) in (0, 4) else "the child failed"


def exit(scene: Scene) -> object:  # noqa: A001 - what it is
    """The process ends; a task is left on the loop."""
    scene.bridge.run_sync(scene.leave_behind)
    scene.ends = True
    assert scene.tripwire is not None
    scene.tripwire.arm()  # and goes on to the end
    return 3


EXIT = exit
SECTIONS: dict[str, Callable[[Scene], object]] = {
    section.__name__: section
    for section in (
        first_call,
        first_call_in_child,
        later_call,
        nested_call,
        call_in_running_loop,
        timed_out_call,
        direct_call,
        iteration,
        iteration_left_early,
        enter_and_exit,
        close,
        fork,
        exit,
    )
}
"""Each runs in a process of its own and returns 3, if nothing comes between."""
