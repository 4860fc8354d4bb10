"""The warning of a blocked loop in notebooks: not for a kernel's loop that has nothing else to do."""

from __future__ import annotations

import pytest

from matrix.contexts._kernel import execute
from tests.helpers.children import run_child

pytest.importorskip("nbclient")

SETUP = """
import asyncio, threading, warnings
from agent_runtime.bridge import run_sync

async def nap():
    await asyncio.sleep(1.05)

def seen(call=lambda: run_sync(nap)):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [one.category.__name__ for one in caught]

async def request():
    return seen()

def on_a_thread():
    found = []
    thread = threading.Thread(target=lambda: found.extend(asyncio.run(request())))
    thread.start()
    thread.join()
    return found
"""


def test_only_a_kernels_loop_that_has_nothing_else_to_do_is_silent() -> None:
    _, plain, awaiting, thread, _, beside = execute(
        [
            SETUP,
            "print(seen())",
            "print(await request())",
            "print(on_a_thread())",
            "server = asyncio.create_task(asyncio.sleep(1000))\nawait asyncio.sleep(0)",
            "print(seen(lambda: run_sync(nap))); server.cancel()",  # a call site warns once
        ]
    )

    assert plain == awaiting == "[]\n"
    assert thread == beside == "['BlockedLoopWarning']\n"


def test_an_in_process_kernel_is_a_kernel() -> None:
    child = run_child(
        SETUP
        + """
from ipykernel.inprocess.manager import InProcessKernelManager

manager = InProcessKernelManager()
manager.start_kernel()
manager.kernel.shell.user_ns["seen"] = seen

async def main():
    answer = manager.kernel.shell.run_cell_async("result = seen()", transformed_cell="result = seen()")
    await answer
    print(manager.kernel.shell.user_ns["result"])

asyncio.run(main())
"""
    )

    assert child.lines == ["[]"], child.stderr
