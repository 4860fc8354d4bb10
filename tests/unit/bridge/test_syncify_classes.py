"""syncify() of classes: facades that own their object's loop and never show anything async."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import copy
import gc
import inspect
import pickle
import threading
import weakref
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import pytest

from agent_runtime.bridge import Bridge, Facade, syncify
from agent_runtime.errors import CallerLoopError
from tests.helpers.async_client import AsyncClient, AsyncCursor, AsyncRow, AsyncSpecialClient

Client: Any = syncify(AsyncClient)
SpecialClient: Any = syncify(AsyncSpecialClient)
Row: Any = syncify(AsyncRow)


def fail(error: Exception) -> None:
    raise error


@pytest.fixture
def client() -> Any:
    return Client("u")


def test_object_is_made_and_all_its_methods_are_called_on_the_loop_thread(client: Any) -> None:
    assert client.made_on == client.where()
    assert client.made_on[1] != threading.get_ident()


def test_coroutine_methods_return_the_value(client: Any) -> None:
    assert client.get("/", limit=2) == "u//"
    assert client.again("/") == "u//"
    assert client(1) == 2
    assert Client.quote("x") == "'x'"
    assert client.soon(4) == 4
    assert client.version == 3


def test_facade_works_inside_a_running_loop() -> None:
    async def main() -> list[str]:
        with Client("u").session("s") as row:
            return [row.load(), Client("v").get("/")]

    assert asyncio.run(main()) == ["s", "v/"]


def test_async_generator_methods_give_iterators(client: Any) -> None:
    assert list(client.lines(2)) == ["u 0", "u 1"]
    assert isinstance(client.lines(2), Iterator)


def test_async_with_becomes_with_in_one_task(client: Any) -> None:
    with client.cursor() as cursor:
        assert not cursor.closed

    assert cursor.closed


def test_leaving_a_with_statement_twice_is_refused(client: Any) -> None:
    with pytest.raises(RuntimeError, match=r"Cursor.__exit__\(\) was called without __enter__\(\)"):
        client.cursor().__exit__(None, None, None)


def test_exception_is_dealt_with_as_the_async_class_says(client: Any) -> None:
    error = ValueError()

    with client.cursor():
        fail(KeyError())
    with pytest.raises(ValueError) as raised, client.cursor():  # noqa: PT011 - identity is what counts
        fail(error)

    assert raised.value is error


def test_async_for_becomes_for_and_next(client: Any) -> None:
    assert list(client.cursor()) == ["a", "b"]

    cursor = client.cursor()

    assert (next(cursor), next(cursor), next(cursor, "end")) == ("a", "b", "end")


def test_iterator_goes_on_after_break_as_it_does_in_async_code(client: Any) -> None:
    cursor = client.cursor()
    for _ in cursor:
        break

    assert list(cursor) == ["b"]


def test_attributes_and_properties_are_those_of_the_object(client: Any) -> None:
    client.host = "HOST"
    client.retries = 5

    assert (client.host, client.url, client.async_object.retries) == ("HOST", "host", 5)
    assert (Client.LIMIT, client.LIMIT, Client.Options) == (10, 10, AsyncClient.Options)
    del client.retries
    assert not hasattr(client.async_object, "retries")


def test_async_function_in_an_attribute_comes_in_sync_form(client: Any) -> None:
    assert client.send("/") == "u/"


def test_plain_special_methods_are_passed_on(client: Any) -> None:
    assert (len(client), client[0], list(client)) == (1, "u", ["u"])


def test_private_names_are_not_passed_on(client: Any) -> None:
    with pytest.raises(AttributeError, match="no attribute '_private'; async_object may have it"):
        client._private()


def test_object_itself_and_others_of_its_class_come_as_facades(client: Any) -> None:
    assert client.fluent() is client
    assert type(client.copy()) is Client
    assert type(Client.connect("u")) is Client
    assert type(SpecialClient("u").copy()) is SpecialClient


def test_object_of_a_class_with_a_facade_in_the_module_comes_as_that(client: Any) -> None:
    assert type(client.row) is Row
    with client.session("s") as row:
        assert (type(row), row.load()) == (Row, "s")


def test_async_object_of_an_unknown_class_comes_as_a_facade_all_the_same(client: Any) -> None:
    cursor = client.cursor()

    assert type(cursor).__name__ == "Cursor"
    assert isinstance(cursor, Facade)


def test_facade_in_another_module_is_not_known_here(client: Any) -> None:
    namespace: dict[str, Any] = {"__name__": "elsewhere", "syncify": syncify, "AsyncClient": AsyncClient}
    exec("Client = syncify(AsyncClient)", namespace)

    assert type(namespace["Client"]("u").row) is AsyncRow
    assert type(client.row) is Row


def test_facades_among_arguments_are_given_as_their_objects(client: Any) -> None:
    assert client.first(client.row)
    assert client.first(row=client.row)


def test_facade_of_a_subclass_is_a_subclass_of_the_facade() -> None:
    special = SpecialClient("u")

    assert issubclass(SpecialClient, Client)
    assert (special.extra(), special.get("/")) == ("more", "u/")


def test_facade_can_be_subclassed() -> None:
    class MyClient(Client):  # type: ignore[misc]  # a class that checkers do not know
        """Counts its calls."""

        _calls = 0

        def __init__(self, url: str) -> None:
            super().__init__(url)
            self.url += "!"

        def get(self, path: str) -> str:
            self._calls += 1
            return f"{super().get(path)} {self._calls}"

    assert MyClient("u").get("/") == "u!/ 1"
    assert type(MyClient.connect("u")) is MyClient
    assert isinstance(MyClient("u"), Client)


def test_facade_says_what_it_is(client: Any) -> None:
    assert (Client.__name__, Client.__module__, Client.__doc__) == (
        "Client",
        __name__,
        "Talks to a database.",
    )
    assert str(inspect.signature(Client)) == "(url: str, *, retries: int = 2) -> None"
    assert str(inspect.signature(Client.get)) == "(self, path: str, *, limit: int = 1) -> str"
    assert (Client.get.__qualname__, Client.connect.__doc__) == (
        "Client.get",
        "Connect.\n\nBlocks the calling thread; the async variant is ``AsyncClient.connect``.",
    )
    assert {"get", "url", "host"} <= set(dir(client))
    assert repr(client).startswith("<Client for <")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("AsyncPool", "Pool"), ("PoolAsync", "Pool"), ("Pool", "SyncPool"), ("Async", "SyncAsync")],
)
def test_facade_has_another_name_than_its_class(name: str, expected: str) -> None:
    async_class = type(name, (AsyncCursor,), {})

    assert syncify(async_class).__name__ == expected
    assert syncify(async_class, name="Given").__name__ == "Given"


def test_facade_of_a_generic_class_takes_arguments() -> None:
    assert Row[int](5).load() == 5


def test_facade_of_a_dataclass_and_of_slots() -> None:
    @dataclass(slots=True)
    class AsyncJob:
        name: str
        tags: list[str] = field(default_factory=list)

        async def run(self) -> str:
            return self.name

    job: Any = syncify(AsyncJob)("n", tags=["t"])

    assert (job.run(), job.name, job.tags) == ("n", "n", ["t"])
    assert job == syncify(AsyncJob).from_async(job.async_object)


def test_facade_of_an_abstract_class_is_for_its_subclasses() -> None:
    class AsyncBase(abc.ABC):
        @abc.abstractmethod
        async def run(self) -> str: ...

    class AsyncImpl(AsyncBase):
        async def run(self) -> str:
            return "done"

    Base: Any = syncify(AsyncBase)  # noqa: N806 - a class

    with pytest.raises(TypeError, match="abstract"):
        Base()
    assert Base.from_async(AsyncImpl()).run() == "done"


def test_awaitable_object_is_awaited_unless_its_class_has_a_facade() -> None:
    class AsyncQuery:
        def filter(self) -> AsyncQuery:
            return self

        def other(self) -> AsyncQuery:
            return AsyncQuery()

        def __await__(self) -> Any:
            return iter(())

        async def all(self) -> list[int]:
            return [1]

    class AsyncModel:
        def objects(self) -> Awaitable[int]:
            return asyncio.sleep(0, 1)

    Query: Any = syncify(AsyncQuery)  # noqa: N806 - a class

    assert Query().filter().other().all() == [1]
    assert syncify(AsyncModel)().objects() == 1  # type: ignore[attr-defined]  # unknown to checkers


def test_from_async_holds_an_object_that_exists_and_refuses_others() -> None:
    cursor = AsyncCursor(["x"])
    Cursor = syncify(AsyncCursor)  # noqa: N806 - a class

    assert Cursor.from_async(cursor).async_object is cursor
    with pytest.raises(TypeError, match=r"Cursor.from_async\(\) needs an object of AsyncCursor, got 5"):
        Cursor.from_async(5)  # type: ignore[arg-type]  # the mistake


def test_facade_itself_is_not_constructed() -> None:
    with pytest.raises(TypeError, match="Facade is made by syncify"):
        Facade()


def test_exception_of_the_constructor_is_the_object_itself() -> None:
    error = ValueError("mine")

    class AsyncBroken:
        def __init__(self) -> None:
            raise error

        async def run(self) -> None: ...

    with pytest.raises(ValueError, match="mine") as raised:
        syncify(AsyncBroken)()

    assert raised.value is error


def test_object_is_freed_with_its_facade() -> None:
    class AsyncBox:
        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *details: object) -> None: ...

        async def fail(self) -> None:
            raise ValueError

        async def __aiter__(self) -> AsyncIterator[int]:
            yield 1

    box: Any = syncify(AsyncBox)()
    watched = weakref.ref(box.async_object)

    gc.disable()
    try:
        with box as same:
            assert list(same) == [1]
            with contextlib.suppress(ValueError):
                same.fail()
        del box, same
        assert watched() is None
    finally:
        gc.enable()


def test_facade_can_be_copied_and_pickled() -> None:
    row = Row(7)

    assert pickle.loads(pickle.dumps(row)).load() == 7
    assert copy.copy(row) == row
    assert copy.deepcopy(row).load() == 7


def test_bridge_of_ones_own_holds_the_object() -> None:
    with Bridge() as bridge:
        own: Any = syncify(AsyncClient, bridge=bridge)

        assert own("u").made_on[1] != Client("u").made_on[1]
        assert type(own("u").copy()) is own


def test_running_loop_is_refused_by_every_member_where_that_is_the_setting() -> None:
    Strict: Any = syncify(AsyncClient, on_running_loop="raise")  # noqa: N806 - a class
    client, cursor = Strict("u"), Strict("u").cursor()

    async def main() -> None:
        for use in (
            lambda: client.get("/"),
            lambda: next(client.lines(1)),
            lambda: client.session("s"),
            cursor.__enter__,
            lambda: next(iter(cursor)),
            lambda: next(cursor),
        ):
            with pytest.raises(CallerLoopError):
                use()

    asyncio.run(main())


def test_timeout_of_a_facade_ends_each_call_by_itself() -> None:
    class AsyncSleeper:
        async def sleep(self, seconds: float) -> str:
            await asyncio.sleep(seconds)
            return "slept"

    sleeper: Any = syncify(AsyncSleeper, timeout=0.05)()

    assert sleeper.sleep(0) == "slept"
    with pytest.raises(TimeoutError):
        sleeper.sleep(60)
