"""A real MCP server on stdin and stdout, with a few tools; run as a program."""

from __future__ import annotations

import os
import sys

__all__ = ("main",)


def main() -> None:
    """Serve until stdin ends."""
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError

    server = MCPServer("tests")

    @server.tool(description="Add two numbers.")
    def add(a: int, b: int) -> int:
        return a + b

    @server.tool(description="Tell the process id.")
    def pid() -> int:
        return os.getpid()

    @server.tool(description="Fail.")
    def fail(why: str) -> str:
        raise ToolError(why)

    @server.tool(description="End at once.")
    def die() -> str:
        sys.stdout.flush()
        os._exit(3)

    @server.tool(description="Tell a variable of the environment.")
    def variable(name: str) -> str:
        return os.environ.get(name, "")

    server.run()


if __name__ == "__main__":
    main()
