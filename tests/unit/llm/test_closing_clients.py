"""How the connections of OpenAICompatibleClient end: by close(), the collector, a fork, the process."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import uvloop

from agent_runtime import LLMClientClosedError, OpenAICompatibleClient
from agent_runtime.bridge import run_sync
from tests.helpers.children import run_child
from tests.helpers.model_clients import ask, client_of, executor, streamed
from tests.helpers.model_server import STREAM_HEAD, chunk, chunked, events, hangs, refuses, serving
from tests.helpers.processes import comes_true

Runner = Callable[[Coroutine[Any, Any, None]], None]
RUNNERS = [pytest.param(asyncio.run, id="asyncio"), pytest.param(uvloop.run, id="uvloop")]


def test_close_closes_the_connections_before_it_returns_and_refuses_further_questions() -> None:
    with serving() as server:
        client = client_of(server.url)
        ask(client)
        client.close()

        assert comes_true(lambda: server.open == 0)
        for use in (ask, streamed):
            with pytest.raises(LLMClientClosedError, match="is closed; make a new one"):
                use(client)
        client.close()
        assert len(server.requests) == 1


@pytest.mark.parametrize("run", RUNNERS)
def test_aclose_closes_connections_on_all_loops(run: Runner) -> None:
    async def main() -> None:
        async with client_of(server.url) as client:
            await executor(client).run_async()
            await asyncio.to_thread(ask, client)
            assert server.open == 2
        assert await asyncio.to_thread(comes_true, lambda: server.open == 0)

    with serving() as server:
        run(main())


def test_close_in_async_code_closes_the_connections_of_its_own_loop_soon() -> None:
    async def main() -> None:
        client = client_of(server.url)
        await executor(client).run_async()
        client.close()
        assert await asyncio.to_thread(comes_true, lambda: server.open == 0)

    with serving() as server:
        asyncio.run(main())


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(hangs(), id="before_the_answer"),
        pytest.param(hangs(STREAM_HEAD, chunked(events(chunk("one"), done=False))), id="in_a_stream"),
    ],
)
def test_close_ends_questions_in_progress_in_other_threads(script: Any) -> None:
    with serving(script) as server, ThreadPoolExecutor(3) as threads:
        client = client_of(server.url)
        asking = [threads.submit(use, client) for use in (ask, streamed, ask)]
        assert comes_true(lambda: len(server.requests) == 3)
        client.close()

        for each in asking:
            with pytest.raises(LLMClientClosedError):
                each.result(30)
        assert comes_true(lambda: server.open == 0)


def test_close_ends_a_wait_before_the_next_attempt() -> None:
    with serving(refuses(503, Retry_After="50")) as server, ThreadPoolExecutor(1) as threads:
        client = client_of(server.url, max_retry_wait=60.0)
        asking = threads.submit(ask, client)
        assert comes_true(lambda: len(server.requests) == 1)
        client.close()

        with pytest.raises(LLMClientClosedError):
            asking.result(30)


def test_dropped_client_closes_its_connections_while_its_loop_goes_on() -> None:
    async def main() -> None:
        client: OpenAICompatibleClient | None = client_of(server.url)
        await executor(client).run_async()
        client = None
        gc.collect()
        assert await asyncio.to_thread(comes_true, lambda: server.open == 0)

    with serving() as server:
        asyncio.run(main())


def test_short_lived_clients_leave_nothing_behind() -> None:
    async def tasks_left() -> int:
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    with serving() as server:
        for _ in range(50):
            with client_of(server.url) as client:
                ask(client)

        assert comes_true(lambda: server.open == 0)
        assert run_sync(tasks_left) == 1


def test_forked_child_opens_connections_of_its_own_and_leaves_those_of_its_parent() -> None:
    code = """
        import asyncio, gc, os, sys
        from agent_runtime.bridge import run_sync
        from tests.helpers.model_clients import ask, client_of

        async def running_loop():
            return asyncio.get_running_loop()

        client = client_of(sys.argv[1])
        ask(client)
        loop = run_sync(running_loop)
        child = os.fork()
        if child == 0:
            ask(client)
            client.close()
            gc.collect()
            os._exit(len(loop._ready))  # whatever is asked of this loop, its parent is woken for
        assert os.waitpid(child, 0)[1] == 0
        ask(client)
    """
    with serving() as server:
        options = ("-W", "ignore::DeprecationWarning")  # that a process with threads forks
        run_child(code, arguments=(server.url,), options=options).check()

        assert (server.connections, len(server.requests)) == (2, 3)
        assert [request.connection for request in server.requests] == [1, 2, 1]


def test_question_can_be_asked_when_the_process_ends() -> None:
    code = """
        import atexit, sys
        from tests.helpers.model_clients import ask, client_of

        client = client_of(sys.argv[1])
        atexit.register(lambda: ask(client))
        ask(client)
    """
    with serving() as server:
        run_child(code, arguments=(server.url,)).check()

        assert len(server.requests) == 2


def test_calls_where_no_thread_can_start_close_their_connections_with_their_loop() -> None:
    code = """
        import sys, _thread, threading
        from tests.helpers.model_clients import ask, client_of

        def refuse(*_args, **_kwargs):
            raise RuntimeError("can't start new thread")

        _thread.start_new_thread = threading._start_new_thread = refuse
        threading._start_joinable_thread = refuse
        client = client_of(sys.argv[1])
        print(ask(client)["content"], ask(client)["content"])
    """
    with serving() as server:
        child = run_child(code, arguments=(server.url,), options=("-W", "error")).check()

        assert child.lines == ["hello hello"]
        assert comes_true(lambda: server.open == 0)
