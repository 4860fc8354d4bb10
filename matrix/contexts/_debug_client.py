"""A small client of the Debug Adapter Protocol, as an editor has one."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ("DebugClient",)


class DebugClient:
    """Speaks with a debugger over a connected socket; one request after the other.

    Each method blocks until the debugger has answered, and raises OSError if it refuses or leaves.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb")
        self._number = 0
        self._put_aside: list[dict[str, Any]] = []

    def attach(self, program: Path, *, lines: list[int]) -> None:
        """Take over a program that waits for a client, with breakpoints in one of its files."""
        self._request("initialize", adapterID="matrix", pathFormat="path", linesStartAt1=True)
        attached = self._send("attach", justMyCode=True)
        self._wait_for(lambda message: message.get("event") == "initialized")
        source = {"path": str(program)}
        self._request("setBreakpoints", source=source, breakpoints=[{"line": line} for line in lines])
        self._request("configurationDone")
        self._answer_to(attached)

    def wait_for_stop(self) -> int:
        """Wait until the program has stopped; return the id of the thread that has hit the breakpoint."""
        message = self._wait_for(lambda message: message.get("event") == "stopped")
        return int(message["body"]["threadId"])

    def evaluate(self, expression: str, thread: int) -> str:
        """Have an expression evaluated in the innermost frame of a stopped thread, as a console does."""
        frames = self._request("stackTrace", threadId=thread, levels=1)["stackFrames"]
        body = self._request("evaluate", expression=expression, frameId=frames[0]["id"], context="repl")
        return str(body["result"])

    def go_on(self, thread: int) -> None:
        """Let the program go on."""
        self._request("continue", threadId=thread)

    def leave(self) -> None:
        """Let the program alone."""
        self._request("disconnect", terminateDebuggee=False)

    def _request(self, command: str, **arguments: object) -> Any:
        return self._answer_to(self._send(command, **arguments))

    def _send(self, command: str, **arguments: object) -> int:
        self._number += 1
        message = {"seq": self._number, "type": "request", "command": command, "arguments": arguments}
        content = json.dumps(message).encode()
        self._connection.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(content), content))
        return self._number

    def _answer_to(self, number: int) -> Any:
        message = self._wait_for(lambda message: message.get("request_seq") == number)
        if not message["success"]:
            raise OSError(f"the debugger refuses {message['command']}: {message.get('message')}")
        return message.get("body")

    def _wait_for(self, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first message that is wanted, and keep the others for later."""
        for message in self._put_aside:
            if is_wanted(message):
                self._put_aside.remove(message)
                return message
        while not is_wanted(message := self._receive()):
            self._put_aside.append(message)
        return message

    def _receive(self) -> dict[str, Any]:
        length = 0
        while (line := self._stream.readline()) != b"\r\n":
            if not line:
                raise OSError("the debugger has gone")
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        message: dict[str, Any] = json.loads(self._stream.read(length))
        return message
