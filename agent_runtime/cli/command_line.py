"""``agent-runtime``: from the arguments to an exit code."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from importlib import metadata

from agent_runtime.cli import graph, run, runs, trace, validate
from agent_runtime.cli.doctor import command as doctor
from agent_runtime.cli.exit_codes import ExitCode, UsageError
from agent_runtime.cli.output import complain
from agent_runtime.errors import StorageError

__all__ = ("main",)

_COMMANDS = (run, runs, validate, graph, trace, doctor)

_EPILOG = """exit codes:
  0  all is well
  1  a step failed, or something on this machine does not work
  2  the command line is wrong, or names something that is not there
  3  a workflow or its inputs are wrong; no step has run
  4  the run waits for a decision
  124  the time limit has passed;  130  Ctrl-C;  143  SIGTERM
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Perform a command; return its exit code. Blocks the calling thread until it is done.

    Args:
        arguments: as a shell would give them; by default those of this process.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever has started this
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - as long as the process
    chosen = _parser().parse_args(arguments)
    try:
        code: int = chosen.perform(chosen)
        sys.stdout.flush()
    except UsageError as error:
        complain(str(error))
        return ExitCode.USAGE
    except StorageError as error:
        complain(str(error))
        return ExitCode.FAILED
    except BrokenPipeError:  # whoever read the output has enough of it
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except KeyboardInterrupt:
        complain("interrupted")
        return ExitCode.INTERRUPTED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="agent-runtime",
        description="Run YAML workflows of agent, function and tool steps, check them and look at them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"agent-runtime {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add(commands)
    return parser


def _version() -> str:
    try:
        return metadata.version("agent-runtime")
    except metadata.PackageNotFoundError:
        return "of a checkout that is not installed"
