"""What ``source`` may be: workflow text, or the path of a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import NamedTuple

from agent_runtime.errors import Problem, WorkflowError, printable

__all__ = ("TEXT_NAME", "Source", "read_source", "read_under")

TEXT_NAME = "<workflow text>"

_MAX_BYTES = 16_000_000


class Source(NamedTuple):
    """The text of a workflow, the name of its file for messages, and its name if it has none of its own."""

    text: str
    file: str
    stem: str


def read_source(source: str | os.PathLike[str]) -> Source:
    """Return the text behind ``source``: a ``str`` with a line break in it is the text itself.

    Raises:
        WorkflowError: there is no such file, or it cannot be read.
        TypeError: ``source`` is neither text nor path.
    """
    if isinstance(source, str) and ("\n" in source or "\r" in source):
        return Source(source, TEXT_NAME, "workflow")
    if not isinstance(source, str | os.PathLike):
        raise TypeError(
            f"a workflow is given as a path or as YAML text, not as {type(source).__name__};"
            " for a list of steps, use Executor(steps)"
        )
    path = os.fspath(source)
    if not isinstance(path, str):
        raise TypeError("the path of a workflow is a str, not bytes; use os.fsdecode(path)")
    return _source(path, _open_at_once)


def read_under(folder: str, path: str) -> Source:
    """Return a file under a folder, without following any link below it.

    Between the look at a path and its opening, somebody may put a link in the place of a folder or file. So
    every part is opened by itself, from the one before.

    Args:
        folder: an absolute path without links in it.
        path: a path below it without links in it, as far as has been seen.

    Raises:
        WorkflowError: there is no such file, or it cannot be read.
    """

    def open_below(_path: str, flags: int) -> int:
        return _open_below(folder, os.path.relpath(path, folder), flags)

    return _source(path, open_below if os.open in os.supports_dir_fd else _open_at_once)


def _open_below(folder: str, below: str, flags: int) -> int:
    *folders, name = below.split(os.sep)
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for each in folders:
            inner = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = inner
        return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=here)
    finally:
        os.close(here)


def _source(path: str, opener: Callable[[str, int], int]) -> Source:
    return Source(_read(path, opener), path, os.path.splitext(os.path.basename(path))[0] or "workflow")


def _read(path: str, opener: Callable[[str, int], int]) -> str:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode) and not os.path.isdir(path):
            raise _unreadable(path, "this is not a regular file", "read it, and pass the text")
        with open(path, "rb", opener=opener) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # it has become one meanwhile
                raise _unreadable(path, "this is not a regular file", "read it, and pass the text")
            data: bytes | None = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise _unreadable(path, "there is no such file", _similar(path)) from None
    except IsADirectoryError:
        raise _unreadable(path, "this is a folder", "name a workflow file in it") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unreadable(path, f"the file cannot be read: {reason}", "") from error
    if data is None:
        raise _unreadable(path, "there is nothing to read in it yet", "read it, and pass the text")
    if len(data) > _MAX_BYTES:
        raise _unreadable(path, f"the file has more than {_MAX_BYTES} bytes", "")
    return _decode(data, path)


def _open_at_once(path: str, flags: int) -> int:
    """Open a file, and do not wait if it has become a pipe meanwhile."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def _decode(data: bytes, path: str) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        problem = Problem(path, line, column, "the file is not UTF-8 here", "save it as UTF-8")
        raise WorkflowError([problem]) from None


def _unreadable(path: str, message: str, hint: str) -> WorkflowError:
    name = path if len(path) <= 300 else f"{path[:60]}..."
    return WorkflowError([Problem(printable(name), None, None, message, hint)])


def _similar(path: str) -> str:
    """Suggest a file with a similar name, or say how text is told from a path."""
    if os.path.islink(path):
        return f"it is a link to '{os.readlink(path)}'"
    folder, name = os.path.split(path)
    if not name or len(path) > 1_000 or ": " in path:
        return "workflow text is told from a path by its line breaks: end one-line text with '\\n'"
    try:
        names = os.listdir(folder or ".")
    except (OSError, ValueError):
        return f"nor is there a folder '{folder}'"
    import difflib  # for mistakes only

    near = difflib.get_close_matches(name, names[:10_000], n=1, cutoff=0.6)
    if near:
        return f"did you mean '{os.path.join(folder, near[0])}'?"
    return f"it was looked for in {os.path.abspath(folder or '.')}"
