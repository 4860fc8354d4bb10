"""The command line ``agent-runtime``: run, check, draw and trace workflows, and look at this machine.

Each command is a module with two functions, ``add()`` for its arguments and ``perform()`` for its work.
"""

from __future__ import annotations

from agent_runtime.cli.command_line import main

__all__ = ("main",)
