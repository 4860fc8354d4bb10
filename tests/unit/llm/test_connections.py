"""The connections of OpenAICompatibleClient: kept from call to call, bounded, closed when given up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import trio
import uvicorn
import uvloop
from fastapi import FastAPI

from agent_runtime import Executor, LLMTimeoutError
from tests.helpers.children import run_child
from tests.helpers.model_clients import ask, client_of, executor
from tests.helpers.model_server import (
    STREAM_HEAD,
    Talk,
    chunk,
    chunked,
    events,
    hangs,
    says,
    serving,
)
from tests.helpers.processes import comes_true

Runner = Callable[[Coroutine[Any, Any, None]], None]
QUESTION: dict[str, Any] = {
    "messages": [{"role": "user", "content": "hi"}],
    "config": {},
    "task_id": "step_ask",
    "workflow_name": "w",
    "prompt_template": None,
    "template_version": None,
    "metadata": {},
}
RUNNERS = [pytest.param(asyncio.run, id="asyncio"), pytest.param(uvloop.run, id="uvloop")]


@contextlib.contextmanager
def hosting(application: FastAPI) -> Iterator[str]:
    """Serve an application on a thread of its own for the length of the block."""
    web = uvicorn.Server(uvicorn.Config(application, log_level="error"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=web.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        web.should_exit = True
        thread.join(30)


def test_two_sync_calls_in_a_script_use_one_connection() -> None:
    code = """
        import sys
        from tests.helpers.model_clients import ask, client_of

        client = client_of(sys.argv[1])
        ask(client)
        ask(client)
    """
    with serving() as server:
        run_child(code, arguments=(server.url,), options=("-W", "error")).check()

        assert (server.connections, len(server.requests)) == (1, 2)


def test_sync_calls_from_everywhere_use_one_connection() -> None:
    application = FastAPI()
    with serving() as server, client_of(server.url) as client:

        async def inside_a_running_loop() -> None:
            ask(client)

        @application.get("/def")
        def route() -> None:
            ask(client)

        @application.get("/async")
        async def async_route() -> None:
            ask(client)

        ask(client)
        asyncio.run(inside_a_running_loop())
        uvloop.run(inside_a_running_loop())
        trio.run(inside_a_running_loop)
        thread = threading.Thread(target=ask, args=(client,))
        thread.start()
        thread.join()
        with hosting(application) as address:
            for path in ("/def", "/async"):
                urllib.request.urlopen(f"{address}{path}", timeout=30).close()

        assert (server.connections, len(server.requests)) == (1, 7)


@pytest.mark.parametrize("run", RUNNERS)
def test_awaited_calls_on_one_loop_use_one_connection_which_ends_with_the_loop(run: Runner) -> None:
    async def main() -> None:
        for _ in range(3):
            await executor(client).run_async()

    with serving() as server:
        client = client_of(server.url)
        run(main())

        assert (server.connections, len(server.requests)) == (1, 3)
        assert comes_true(lambda: server.open == 0)


def test_client_serves_one_loop_after_the_other_and_sync_calls_between() -> None:
    async def main() -> None:
        await executor(client).run_async()

    with serving() as server, client_of(server.url) as client:
        for _ in range(3):
            asyncio.run(main())
            ask(client)

        assert (server.connections, len(server.requests)) == (4, 6)
        assert comes_true(lambda: server.open == 1)


def test_hundred_threads_share_a_bounded_number_of_connections() -> None:
    with serving() as server, client_of(server.url, max_connections=8) as client:
        with ThreadPoolExecutor(100) as threads:
            replies = list(threads.map(lambda _: ask(client)["content"], range(100)))

        assert replies == ["hello"] * 100
        assert len(server.requests) == 100
        assert server.connections <= 8


def test_question_that_waits_for_a_connection_in_vain_says_so() -> None:
    async def main() -> None:
        # A reader that stays away keeps its connection, and its own time does not count.
        async with contextlib.aclosing(client.stream_llm(**QUESTION)) as pieces:
            assert await anext(pieces) == "one"
            with pytest.raises(LLMTimeoutError, match="had no connection free within 'timeout', 3 s"):
                await executor(client).run_async()

    script = hangs(STREAM_HEAD, chunked(events(chunk("one"), done=False)))
    with serving(script) as server, client_of(server.url, max_connections=1, timeout=3.0) as client:
        asyncio.run(main())

        assert len(server.requests) == 1


def test_connection_that_the_server_has_closed_between_calls_is_not_used() -> None:
    async def says_and_hangs_up(talk: Talk) -> None:
        await says()(talk)
        await talk.hang_up()

    with serving(says_and_hangs_up) as server, client_of(server.url, retries=0) as client:
        for number in range(1, 4):
            server.closed.clear()
            assert ask(client)["content"] == "hello"
            assert server.closed.wait(30)
            assert server.connections == number


def test_connection_that_the_server_resets_between_calls_is_not_used() -> None:
    async def says_and_resets(talk: Talk) -> None:
        await says()(talk)
        await talk.reset()

    with serving(says_and_resets) as server, client_of(server.url) as client:
        for _ in range(3):
            server.closed.clear()
            assert ask(client)["content"] == "hello"
            assert server.closed.wait(30)


def test_timeout_of_the_run_closes_the_connection() -> None:
    with serving(hangs()) as server, client_of(server.url) as client:
        with pytest.raises(TimeoutError):
            executor(client).run(timeout=1.0)

        assert server.left.wait(30)


@pytest.mark.parametrize("run", RUNNERS)
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(hangs(), id="before_the_answer"),
        pytest.param(hangs(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"), id="in_the_answer"),
    ],
)
def test_cancelled_question_closes_the_connection(run: Runner, script: Any) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(executor(client).run_async())
        await asyncio.to_thread(server.waiting.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.left.wait, 30)

    with serving(script) as server, client_of(server.url) as client:
        run(main())


def test_cancelled_question_leaves_room_for_the_next_one() -> None:
    async def main() -> None:
        for _ in range(5):
            with pytest.raises(TimeoutError):
                await executor(client).run_async(timeout=0.05)
        server.script = [says("free")]
        assert (await executor(client).run_async(timeout=30)).outputs["ask"]

    with serving(hangs()) as server, client_of(server.url, max_connections=1) as client:
        asyncio.run(main())


def test_stream_left_early_closes_the_connection_and_the_next_call_works() -> None:
    script = hangs(STREAM_HEAD, chunked(events(chunk("one"), chunk("two"), done=False)))
    with serving(script, says("next")) as server, client_of(server.url, max_connections=1) as client:
        for event in executor(client).stream():
            if type(event).__name__ == "TokenReceived":
                break

        assert server.left.wait(30)
        assert ask(client)["content"] == "next"


def test_call_inside_an_async_step_has_a_connection_of_its_own_loop_which_ends_with_that() -> None:
    with serving() as server, client_of(server.url) as client:

        async def nested() -> object:
            return ask(client)["content"]

        outer = Executor([{"id": "outer", "tool": "nested"}], tools={"nested": nested})
        ask(client)
        assert [outer.run().outputs["outer"] for _ in range(2)] == ["hello", "hello"]

        assert comes_true(lambda: server.open == 1)


def test_ctrl_c_closes_the_connection_and_the_next_question_is_answered() -> None:
    code = """
        import os, signal, sys, threading
        from tests.helpers.model_clients import ask, client_of
        from tests.helpers.model_server import hangs, says, serving

        def press():
            server.waiting.wait(30)
            os.kill(os.getpid(), signal.SIGINT)

        with serving(hangs(), says("after")) as server, client_of(server.url) as client:
            threading.Thread(target=press).start()
            try:
                ask(client)
            except KeyboardInterrupt:
                print("left", server.left.wait(30))
            print(ask(client)["content"])
    """
    assert run_child(code).check().lines == ["left True", "after"]
