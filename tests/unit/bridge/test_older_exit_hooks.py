"""Exit hooks that are older than the import of the bridge: nothing of it can come after them."""

from __future__ import annotations

import textwrap

import pytest

from tests.helpers.children import run_child

OLDER = """
import asyncio, atexit, sys

def hook():
    print(in_the_hook())

atexit.register(hook)
from agent_runtime.bridge import iterate, run_sync

async def numbers():
    for number in range(3):
        yield number
"""


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        pytest.param(
            """
            async def make(): return asyncio.Lock(), asyncio.get_running_loop()
            async def use():
                async with lock: return asyncio.get_running_loop() is loop
            def in_the_hook(): return [run_sync(use), run_sync(use), loop.is_closed()]
            lock, loop = run_sync(make)
            """,
            "[True, True, False]",
            id="calls_find_the_loop_of_before",
        ),
        pytest.param(
            """
            import socket
            async def connect(): return await asyncio.open_connection(*server.getsockname())
            async def close():
                said = await reader.readexactly(5)
                writer.close(); await writer.wait_closed()
                return said
            def in_the_hook():
                with server, server.accept()[0] as peer:
                    peer.sendall(b"hello")
                    return run_sync(close)
            server = socket.create_server(("127.0.0.1", 0))
            reader, writer = run_sync(connect)
            """,
            "b'hello'",
            id="client_can_be_closed",
        ),
        pytest.param(
            """
            async def outer(): return [*iterate(numbers())]
            def in_the_hook(): return [run_sync(outer), [*iterate(numbers())]]
            run_sync(asyncio.sleep, 0)
            """,
            "[[0, 1, 2], [0, 1, 2]]",
            id="async_code_can_read_a_stream",
            marks=pytest.mark.skipif(
                "sys.version_info[:2] == (3, 12)", reason="CPython 3.12 starts no threads in exit hooks"
            ),
        ),
    ],
)
def test_older_hook_works_as_a_younger_one_and_the_interpreter_ends_quietly(
    program: str, printed: str
) -> None:
    child = run_child(OLDER + textwrap.dedent(program), options=("-X", "dev"))

    assert child.check().lines == [printed]


def test_loop_of_a_loop_factory_is_closed_by_the_last_hook_of_ours() -> None:
    child = run_child(
        """
        import asyncio, atexit

        atexit.register(lambda: print(loop.is_closed()))
        from agent_runtime.bridge import Bridge

        async def here():
            return asyncio.get_running_loop()

        bridge = Bridge(loop_factory=asyncio.SelectorEventLoop, name="own")
        loop = bridge.run_sync(here)
        """,
        options=("-X", "dev"),
    )

    assert child.check().lines == ["True"]
