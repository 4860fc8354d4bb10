"""syncify() of functions: sync forms that look, behave and fail as their async functions do."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import pickle
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from agent_runtime.bridge import Bridge, syncify
from agent_runtime.errors import CallerLoopError
from tests.helpers.children import run_child

if TYPE_CHECKING:
    from decimal import Decimal

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@syncify
async def fetch(url: str, *, limit: int = 3) -> str:
    """Fetch one page."""
    await asyncio.sleep(0)
    return url[:limit]


@syncify
async def count(stop: int) -> AsyncIterator[int]:
    """Count."""
    for number in range(stop):
        await asyncio.sleep(0)
        yield number


@syncify
@asynccontextmanager
async def session(name: str) -> AsyncIterator[str]:
    """Keep a session."""
    entered_in = asyncio.current_task()
    yield name.upper()
    assert asyncio.current_task() is entered_in


async def load_async(key: str) -> str:
    await asyncio.sleep(0)
    return key


def test_coroutine_function_becomes_a_function_that_returns_the_value() -> None:
    assert fetch("abcdef") == "abc"
    assert fetch("abcdef", limit=2) == "ab"


def test_sync_form_returns_the_value_inside_a_running_loop_too() -> None:
    async def main() -> str:
        return fetch("abcdef")

    assert asyncio.run(main()) == "abc"


def test_async_generator_function_becomes_a_generator_function() -> None:
    assert list(count(3)) == [0, 1, 2]
    assert inspect.isgeneratorfunction(count)


def test_leaving_an_iteration_closes_the_async_generator_before_the_next_statement() -> None:
    closed = []

    @syncify
    async def endless() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    for _ in endless():
        break

    assert closed == [True]


def test_function_of_asynccontextmanager_becomes_one_for_with_in_one_task() -> None:
    with session("a") as value:
        assert value == "A"


def test_plain_function_that_is_annotated_to_return_an_awaitable_is_awaited_on_the_loop() -> None:
    @syncify
    def soon(value: int) -> asyncio.Future[int]:
        future = asyncio.get_running_loop().create_future()
        future.set_result(value)
        return future

    assert soon(4) == 4


def test_annotation_that_only_checkers_can_evaluate_is_understood_all_the_same() -> None:
    @syncify
    def load(price: Decimal) -> Awaitable[Decimal]:
        return load_async(price)  # type: ignore[return-value, arg-type]  # any value will do

    assert load("1") == "1"  # type: ignore[arg-type]  # any value will do
    assert inspect.signature(load).return_annotation.__forward_arg__ == "Decimal"


def test_decorated_async_function_is_understood_by_what_it_wraps() -> None:
    def logged(fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        def call(*args: object) -> object:
            return fn(*args)

        return call

    form: Any = syncify(logged(load_async))

    assert form("k") == "k"


def test_partials_bound_methods_and_callable_objects_are_functions() -> None:
    class Greeter:
        async def __call__(self, name: str) -> str:
            return f"Hello, {name}!"

        @syncify
        async def greet(self, name: str) -> str:
            return f"Hi, {name}!"

        @classmethod
        @syncify
        async def of(cls, name: str) -> str:
            return cls.__name__ + name

        @staticmethod
        @syncify
        async def plain(name: str) -> str:
            return name

    greeter = Greeter()

    assert syncify(functools.partial(load_async, "k"))() == "k"
    assert syncify(greeter.__call__)("Ada") == "Hello, Ada!"
    assert syncify(greeter)("Ada") == "Hello, Ada!"
    assert syncify(greeter).__name__ == "Greeter"
    assert (greeter.greet("Ada"), Greeter.of("!"), greeter.plain("x")) == ("Hi, Ada!", "Greeter!", "x")


def test_sync_form_has_the_signature_and_annotations_of_its_function() -> None:
    assert str(inspect.signature(fetch)) == "(url: str, *, limit: int = 3) -> str"
    assert fetch.__annotations__ == {"url": str, "limit": int, "return": str}
    assert inspect.signature(count).return_annotation == Iterator[int]
    assert inspect.signature(session).return_annotation == AbstractContextManager[str]


def test_sync_form_is_documented_and_says_what_to_await_instead() -> None:
    load = syncify(load_async)

    assert load.__doc__ == "Blocks the calling thread; the async variant is ``load_async``."
    assert inspect.getdoc(fetch) == (
        "Fetch one page.\n\nBlocks the calling thread; the async variant is ``fetch.async_function``."
    )


def test_sync_form_is_named_without_the_word_async() -> None:
    assert syncify(load_async).__name__ == "load"
    assert syncify(load_async, name="get").__name__ == "get"
    assert (fetch.__name__, fetch.__module__, fetch.__qualname__) == ("fetch", __name__, "fetch")


def test_sync_form_is_never_taken_for_async() -> None:
    for form in (fetch, count, session):
        unwrapped = inspect.unwrap(form)
        assert not inspect.iscoroutinefunction(unwrapped)
        assert not inspect.isasyncgenfunction(unwrapped)


def test_sync_form_is_a_dependency_of_fastapi() -> None:
    import fastapi
    import httpx

    application = fastapi.FastAPI()

    @application.get("/")
    def route(page: str = fastapi.Depends(fetch), number: int = fastapi.Depends(count)) -> list[Any]:
        return [page, number]

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get("/", params={"url": "abcdef", "stop": 1})

    assert asyncio.run(ask()).json() == ["abc", 0]


def test_original_function_is_kept_as_an_attribute() -> None:
    assert asyncio.run(fetch.async_function("abcdef")) == "abc"  # type: ignore[attr-defined]  # unknown to checkers


def test_sync_form_of_a_decorated_function_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(fetch)) is fetch


def test_exception_is_the_object_itself_and_its_traceback_ends_in_the_users_code() -> None:
    error = ValueError("mine")

    @syncify
    async def fail() -> None:
        raise error

    with pytest.raises(ValueError, match="mine") as raised:
        fail()

    assert raised.value is error
    frames = traceback.extract_tb(error.__traceback__)
    assert (frames[0].filename, frames[-1].name) == (__file__, "fail")
    assert error.__context__ is None


@pytest.mark.parametrize("error", [StopIteration(1), KeyboardInterrupt(), SystemExit(3)])
def test_plain_function_raises_even_what_no_coroutine_can_raise(error: BaseException) -> None:
    @syncify
    def fail() -> Awaitable[None]:
        raise error

    with pytest.raises(type(error)) as raised:
        fail()

    assert raised.value is error


def test_sync_form_sees_the_callers_context_variables() -> None:
    @syncify
    async def read() -> str:
        return variable.get()

    token = variable.set("set")

    assert read() == "set"
    variable.reset(token)


def test_bridge_of_ones_own_does_the_work() -> None:
    async def loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    with Bridge() as bridge:
        own = syncify(loop, bridge=bridge)()

    assert own is not syncify(loop)()


@pytest.mark.parametrize("name", ["sleep", "sleep_async"])
def test_timeout_ends_a_call_and_names_the_work(name: str) -> None:
    async def work(seconds: float, *, then: str = "late") -> str:
        await asyncio.sleep(seconds)
        return then

    work.__name__ = work.__qualname__ = name
    sleep = syncify(work, timeout=0.01)

    with pytest.raises(TimeoutError, match=rf"^{name} was cancelled after 0.01 s$"):
        sleep(60)
    with pytest.raises(TimeoutError, match=rf"^{name} was cancelled after 0.01 s$"):
        sleep(60, then="late")


def test_running_loop_is_refused_where_that_is_the_setting() -> None:
    strict = functools.partial(syncify, on_running_loop="raise")
    forms: dict[str, Any] = {
        "load_async": strict(load_async),
        "count": strict(count.async_function),  # type: ignore[attr-defined]  # unknown to checkers
        "session": strict(session.async_function),  # type: ignore[attr-defined]  # unknown to checkers
    }

    async def main(use: Callable[[], object], name: str) -> None:
        with pytest.raises(CallerLoopError, match=rf"`await {name}"):
            use()

    asyncio.run(main(lambda: forms["load_async"]("k"), "load_async"))
    asyncio.run(main(lambda: next(forms["count"](1)), "count"))
    asyncio.run(main(lambda: forms["session"]("a").__enter__(), "session"))


@syncify(on_running_loop="raise")
async def refresh_async() -> str:
    await asyncio.sleep(0)
    return "fresh"


def test_what_a_decorator_has_made_sync_is_called_as_it_is_named_and_says_what_to_await() -> None:
    async def main() -> str:
        with pytest.raises(
            CallerLoopError, match=r"^refresh_async\(\).*`await refresh_async\.async_function"
        ):
            refresh_async()
        form: Any = refresh_async
        answer: str = await form.async_function()
        return answer

    assert refresh_async.__name__ == "refresh_async"
    assert pickle.loads(pickle.dumps(refresh_async)) is refresh_async
    assert asyncio.run(main()) == refresh_async() == "fresh"


class WithoutAsync:
    """Has nothing to make sync."""

    def get(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param(len, "the plain function len; nothing in it or its annotations is async", id="builtin"),
        pytest.param(WithoutAsync, "WithoutAsync, which has none", id="class_without_async"),
        pytest.param(WithoutAsync(), "<.*WithoutAsync object at .*>", id="object"),
        pytest.param(fetch, "fetch, which is sync already", id="sync_form"),
        pytest.param(
            classmethod(load_async),  # type: ignore[arg-type]  # the mistake
            "a classmethod object; write @classmethod above @syncify, not below",
            id="decorators_in_the_wrong_order",
        ),
        pytest.param(5, "5", id="number"),
    ],
)
def test_target_that_is_not_async_is_refused_when_it_is_decorated(target: object, message: str) -> None:
    start = r"^syncify\(\) needs an async function or a class with async methods, got "

    with pytest.raises(TypeError, match=start + message + "$"):
        syncify(target)  # type: ignore[call-overload]  # the mistake


def test_coroutine_is_refused_with_the_function_to_give_instead() -> None:
    with pytest.raises(TypeError, match=r"write syncify\(load_async\), not syncify\(load_async\(\)\)$"):
        syncify(load_async("k"))  # type: ignore[call-overload]  # the mistake


@pytest.mark.parametrize(
    ("options", "error"),
    [
        pytest.param({"bridge": 1}, TypeError, id="bridge"),
        pytest.param({"timeout": "1"}, TypeError, id="timeout"),
        pytest.param({"stall_timeout": True}, TypeError, id="stall_timeout"),
        pytest.param({"strategy": "thread"}, ValueError, id="strategy"),
        pytest.param({"on_running_loop": "block"}, ValueError, id="on_running_loop"),
    ],
)
def test_option_with_an_impossible_value_is_refused(options: dict[str, Any], error: type[Exception]) -> None:
    ((name, value),) = options.items()

    with pytest.raises(error, match=rf"^{name}={value!r}; write "):
        syncify(load_async, **options)


def test_options_hold_for_iterations_and_with() -> None:
    @syncify(timeout=0.01)
    async def wait() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(60)

    @syncify(timeout=0.01)
    @asynccontextmanager
    async def hold() -> AsyncIterator[int]:
        await asyncio.sleep(60)
        yield 1

    items = wait()

    assert next(items) == 1
    with pytest.raises(TimeoutError, match=r"wait was cancelled after 0.01 s$"):
        next(items)
    with pytest.raises(TimeoutError), hold():
        pass


def test_what_makes_sync_forms_is_imported_when_it_is_first_asked_for() -> None:
    run_child(
        """
        import sys
        import agent_runtime.bridge
        assert "agent_runtime.bridge.facades" not in sys.modules
        from agent_runtime.bridge import Facade, syncify
        assert callable(syncify)
        assert not hasattr(agent_runtime.bridge, "other")
        """
    ).check()
