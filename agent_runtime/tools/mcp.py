"""Tools of MCP servers: a child process that the host names offers functions, which any agent may call.

The library ``mcp`` is an extra; it is imported when the first server is started.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from agent_runtime.bridge import enter
from agent_runtime.errors import MCPClosedError, MissingExtraError, ToolError
from agent_runtime.tools import tool

if TYPE_CHECKING:
    from mcp import ClientSession

__all__ = ("MCPTools",)

Tools = Mapping[str, Callable[..., Coroutine[Any, Any, object]]]


class MCPTools:
    """The tools of one MCP server, which runs as a child process as long as the ``with`` block.

    ``with MCPTools([...]) as tools:`` in sync code, ``async with`` in async code; ``tools`` is a mapping for
    ``tools=``. The tools may be called from any loop and any thread while the block lasts. The sync form
    talks to the server on the bridge's loop thread, and blocks the calling thread while the server starts
    and ends. Ctrl-C meanwhile ends the server, too.

    The command is the host's: a workflow file names tools, and nothing else. The server inherits a few
    variables of the environment (``PATH``, ``HOME`` and the like), not all of it.

    Args:
        command: the program and its arguments.
        env: further variables of its environment.
        cwd: the folder that it runs in; by default that of this process.
        names: which of its tools to offer, by the server's names; all by default.
        prefix: what stands before their names here, such as ``files.``.
        timeout: seconds that one request may take.

    Raises:
        TypeError: the command is no list of texts.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        names: Sequence[str] | None = None,
        prefix: str = "",
        timeout: float = 60.0,
    ) -> None:
        if isinstance(command, str) or not command or not all(isinstance(word, str) for word in command):
            raise TypeError("command= is a list of texts: the program and its arguments")
        self._command = list(command)
        self._env = None if env is None else dict(env)
        self._cwd = None if cwd is None else os.fspath(cwd)
        self._names = names
        self._prefix = prefix
        self._timeout = timeout
        self._session: ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stack = AsyncExitStack()
        self._entered: AbstractContextManager[Tools] | None = None

    def __enter__(self) -> Tools:
        """Start the server; blocks until it has told its tools.

        Raises:
            MissingExtraError: the library mcp is not installed.
            LookupError: the server has no tool of a name in ``names``.
            OSError: the program cannot be started.
        """
        self._entered = enter(self, names=("MCPTools", "async with MCPTools"))
        return self._entered.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the server; blocks until it has ended."""
        entered, self._entered = self._entered, None
        if entered is not None:
            entered.__exit__(kind, error, traceback)

    async def __aenter__(self) -> Tools:
        """Start the server, on the running loop.

        Raises:
            MissingExtraError: the library mcp is not installed.
            LookupError: the server has no tool of a name in ``names``.
            OSError: the program cannot be started.
        """
        try:
            from mcp import ClientSession, StdioServerParameters, stdio_client
        except ImportError:
            raise MissingExtraError("MCPTools", "mcp", "mcp") from None
        program, *arguments = self._command
        server = StdioServerParameters(command=program, args=arguments, env=self._env, cwd=self._cwd)
        try:
            streams = await self._stack.enter_async_context(stdio_client(server, self._errors()))
            session = ClientSession(*streams, read_timeout_seconds=self._timeout)
            self._session = await self._stack.enter_async_context(session)
            self._loop = asyncio.get_running_loop()
            await self._session.initialize()
            return await self._offered(self._session)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the server and wait for its end."""
        self._session = self._loop = None
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()

    def _errors(self) -> TextIO:
        """Return where the server's stderr goes: a notebook's own stream is no file."""
        try:
            sys.stderr.fileno()
        except (AttributeError, OSError, ValueError):
            return self._stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
        return sys.stderr

    async def _offered(self, session: ClientSession) -> Tools:
        """Return the server's tools as functions, by their names here."""
        import mcp

        found: dict[str, Callable[..., Coroutine[Any, Any, object]]] = {}
        cursor: str | None = None
        while True:
            page = await session.list_tools(params=mcp.types.PaginatedRequestParams(cursor=cursor))
            for each in page.tools:
                found[each.name] = self._function(each.name, each.description or "", each.input_schema)
            cursor = page.next_cursor
            if cursor is None:
                break
        names = found if self._names is None else self._names
        for name in names:
            if name not in found:
                there = ", ".join(found) or "none"
                raise LookupError(f"the MCP server '{self._command[0]}' has no tool '{name}'; it has {there}")
        return {f"{self._prefix}{name}": found[name] for name in names}

    def _function(
        self, name: str, description: str, parameters: Mapping[str, object]
    ) -> Callable[..., Coroutine[Any, Any, object]]:
        async def call(**arguments: object) -> object:
            return await self._call(name, arguments)

        call.__name__ = call.__qualname__ = name
        call.__doc__ = description
        return tool(name=f"{self._prefix}{name}", description=description, parameters=parameters)(call)

    async def _call(self, name: str, arguments: dict[str, object]) -> object:
        """Have the server do something, on the loop that talks to it.

        Raises:
            MCPClosedError: the block that started the server has been left.
            ToolError: the server says that it has failed.
        """
        session, loop = self._session, self._loop
        if session is None or loop is None:
            raise MCPClosedError(self._command[0], name)
        if loop is asyncio.get_running_loop():
            result = await session.call_tool(name, arguments)
        else:
            there = asyncio.run_coroutine_threadsafe(session.call_tool(name, arguments), loop)
            result = await asyncio.wrap_future(there)
        return _value_of(result)


def _value_of(result: object) -> object:
    """Return what a server has answered: its data if there are any, and its texts otherwise.

    Raises:
        ToolError: it says that it has failed.
    """
    parts = getattr(result, "content", None) or ()
    text = "\n".join(str(getattr(part, "text", f"[{getattr(part, 'type', 'data')}]")) for part in parts)
    if getattr(result, "is_error", False):
        raise ToolError(text)
    data = getattr(result, "structured_content", None)
    if data is None:
        return text
    return data["result"] if isinstance(data, dict) and set(data) == {"result"} else data
