"""Versions for a build without the GIL: the newest that have wheels for it, asked of the interpreter itself.

Neither a marker nor an option of uv tells such a build from others, so the interpreter has to be there, and
the answer holds for its system alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from matrix.interpreters.found import Interpreter

__all__ = ("NoVersionError", "left_out_by", "name_of", "options_for", "with_wheels")

_LEFT_OUT = "# No wheels: "
_NAME = re.compile(r"[A-Za-z0-9._-]+")


class NoVersionError(Exception):
    """No versions fit together; the text is uv's."""


def options_for(interpreter: Interpreter, from_source: Iterable[str]) -> tuple[str, ...]:
    """Return uv's options: only wheels for this interpreter, but of the project's own dependencies any."""
    sources = (f"--no-binary={name_of(one)}" for one in from_source)
    return ("--python", interpreter.executable, "--only-binary=:all:", *sources)


def with_wheels(
    required: Sequence[str], optional: Iterable[str], resolve: Callable[[Sequence[str]], str]
) -> str:
    """Return the lines of a file: versions for what is required, and for what else has wheels.

    Args:
        required: requirements without which nothing can run.
        optional: requirements that are left out, by name, where they or what they need has no wheel.
        resolve: returns versions for requirements, one a line; or raises NoVersionError.

    Raises:
        NoVersionError: for what is required.
    """
    chosen, answer, left_out = list(required), resolve(required), []
    for one in dict.fromkeys(optional):
        try:
            answer = resolve([*chosen, one])
        except NoVersionError:
            left_out.append(name_of(one))
        else:
            chosen.append(one)
    head = f"{_LEFT_OUT}{', '.join(sorted(left_out))}\n" if left_out else ""
    return head + answer


def left_out_by(text: str) -> set[str]:
    """Return the names of what a file names no version for, for want of a wheel."""
    lines = [line for line in text.splitlines() if line.startswith(_LEFT_OUT)]
    return {name for line in lines for name in line.removeprefix(_LEFT_OUT).split(", ")}


def name_of(requirement: str) -> str:
    """Return the name of the project that a requirement asks for."""
    name = _NAME.match(requirement)
    return requirement if name is None else name[0]
