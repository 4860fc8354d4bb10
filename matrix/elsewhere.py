"""``--python``: the same command line in another interpreter, about which everything it says is then."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

from matrix.python_path import python_path

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ("ElsewhereError", "add_to", "go_on_with")

OPTION = "--python"
_SHORTEST = "--py"
"""What argparse still takes for the option."""


class ElsewhereError(Exception):
    """There is no such interpreter, or no environment can be made for it."""


def add_to(verb: argparse.ArgumentParser) -> None:
    """Give a verb the option."""
    text = "do all this with another Python: a version such as 3.14, which gets an environment, or a path"
    verb.add_argument(OPTION, metavar="VERSION", help=text)


def go_on_with(python: str, arguments: Sequence[str]) -> NoReturn:
    """Go on with the same command in another interpreter; this process becomes that one, or waits for it.

    Args:
        python: the path of an interpreter, which is taken with the packages that it has; or a version, in an
            environment that is made if need be and kept.
        arguments: the command line, with the option.

    Raises:
        ElsewhereError: there is no such interpreter, or no environment can be made for it.
    """
    from matrix.bisection.environments import CODE, PlaceError, with_python
    from matrix.interpreters.environment import ENVIRONMENTS

    try:
        place = with_python(python, ENVIRONMENTS.absolute())
    except PlaceError as error:
        raise ElsewhereError(f"{OPTION}: {error}") from error
    variables = {**os.environ, "PYTHONPATH": python_path(CODE)}
    command = [str(place.python), "-m", "matrix", *_without_option(arguments)]
    sys.stdout.flush()
    try:
        if os.name == "posix":
            os.execve(command[0], command, variables)  # noqa: S606 - no shell is meant
        sys.exit(subprocess.run(command, env=variables, check=False).returncode)
    except OSError as error:
        raise ElsewhereError(f"{OPTION} {python} cannot be started: {error}") from error


def _without_option(arguments: Sequence[str]) -> list[str]:
    left, words = [], iter(arguments)
    for word in words:
        name, given, _ = word.partition("=")
        if not (name.startswith(_SHORTEST) and OPTION.startswith(name)):
            left.append(word)
        elif not given:
            next(words, None)
    return left
