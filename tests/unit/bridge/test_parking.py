"""The portal's loop sleeps on a lock or on descriptors, and misses nothing on either."""

from __future__ import annotations

import asyncio
import random
import socket
import sys
import threading
from collections.abc import Iterator

import pytest

from agent_runtime.bridge.parking import ParkingLoop, ParkingSelector, default_loop_factory

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has a loop of another kind")

LIMIT = 30


@pytest.fixture
def loop() -> Iterator[ParkingLoop]:
    """Drive a loop on a thread of its own, and end it."""
    loop = ParkingLoop(ParkingSelector())
    thread = threading.Thread(target=loop.run_forever, name="parking loop")
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(LIMIT)
    assert not thread.is_alive()
    loop.close()


def on_loop(loop: ParkingLoop, fn: object, *args: object) -> None:
    """Call ``fn(*args)`` on the loop's thread and wait for that."""
    done = threading.Event()

    def call() -> None:
        assert callable(fn)
        fn(*args)
        done.set()

    loop.call_soon_threadsafe(call)
    assert done.wait(LIMIT), "the loop was not woken"


def test_another_thread_wakes_a_loop_that_watches_no_descriptor(loop: ParkingLoop) -> None:
    for _ in range(1000):
        on_loop(loop, lambda: None)


def test_another_thread_wakes_a_loop_that_watches_descriptors(loop: ParkingLoop) -> None:
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    with reader, writer:
        on_loop(loop, loop.add_reader, reader, lambda: None)
        for _ in range(1000):
            on_loop(loop, lambda: None)
        on_loop(loop, loop.remove_reader, reader)


def test_a_descriptor_wakes_the_loop_however_often_it_comes_and_goes(loop: ParkingLoop) -> None:
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    with reader, writer:
        for _ in range(200):
            readable = threading.Event()

            def read(readable: threading.Event = readable) -> None:
                reader.recv(1)
                loop.remove_reader(reader)
                readable.set()

            on_loop(loop, loop.add_reader, reader, read)
            writer.send(b"x")
            assert readable.wait(LIMIT), "the loop did not see the descriptor"
            on_loop(loop, lambda: None)


def test_timers_end_the_wait_with_and_without_descriptors(loop: ParkingLoop) -> None:
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    with reader, writer:
        for watched in (False, True):
            rung = threading.Event()
            if watched:
                on_loop(loop, loop.add_reader, reader, lambda: None)
            on_loop(loop, loop.call_later, 0.01, rung.set)
            assert rung.wait(LIMIT)
        on_loop(loop, loop.remove_reader, reader)


def test_no_callback_is_lost_in_a_storm_while_descriptors_come_and_go(loop: ParkingLoop) -> None:
    seed = random.randrange(2**32)
    heard: list[int] = []
    reader, writer = socket.socketpair()
    reader.setblocking(False)

    def storm(number: int) -> None:
        choose = random.Random(seed + number)
        for _ in range(500):
            if choose.random() < 0.2:
                loop.call_soon_threadsafe(loop.add_reader, reader, lambda: None)
                loop.call_soon_threadsafe(loop.remove_reader, reader)
            on_loop(loop, heard.append, number)

    with reader, writer:
        threads = [threading.Thread(target=storm, args=(number,), daemon=True) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        assert len(heard) == 2000, f"seed {seed}"


def test_a_busy_loop_leaves_no_bytes_behind_to_be_woken_by(loop: ParkingLoop) -> None:
    for _ in range(5000):
        loop.call_soon_threadsafe(lambda: None)
    on_loop(loop, lambda: None)
    on_loop(loop, lambda: None)

    with pytest.raises(BlockingIOError):
        loop._ssock.recv(1)  # the pipe that asyncio wakes by


def test_asyncio_programs_run_on_it_unchanged() -> None:
    async def main() -> bytes:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"over a socket\n")
            line = await reader.readline()
            writer.close()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "print('from a process')", stdout=asyncio.subprocess.PIPE
        )
        return line + (await process.communicate())[0]

    with asyncio.Runner(loop_factory=default_loop_factory) as runner:
        assert runner.run(main()) == b"over a socket\nfrom a process\n"
