"""The fenced blocks of Markdown pages: what each is for, and what it does as a script, a cell, a command.

docs/style.md says how they are marked.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ("Snippet", "matches", "missing", "run_as_cells", "run_as_script", "run_commands", "snippets_of")

ROOT = Path(__file__).parents[2]

LIMIT = 60.0
"""Seconds for one snippet: far more than any takes."""

_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROMISE = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Snippet:
    """One fenced block.

    Attributes:
        page: where it stands, relative to the project.
        line: the line of its fence, counted from 1.
        language: the first word behind the fence.
        words: the others that are marks: run, script, cell, shown, tested.
        file: the name of the file that it is, if it is one, or that a program is saved under.
        needs: the packages that it cannot do without.
        code: what stands between the fences.
        output: what the page says that it prints; None where it does not say.
        files: the files that the page has given before, by name.
    """

    page: str
    line: int
    language: str
    words: frozenset[str]
    file: str
    needs: tuple[str, ...]
    code: str
    output: str | None
    files: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def lay_out(self, folder: Path) -> None:
        """Write the files that the page has given before."""
        for name, text in self.files.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")


def snippets_of(page: Path) -> Iterator[Snippet]:
    """Yield the blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    files: dict[str, str] = {}
    fences = list(_FENCE.finditer(text))
    for fence, after in zip(fences, [*fences, None][1:], strict=True):
        language, *marks = fence[1].split() or [""]
        needs = [mark.removeprefix("needs=") for mark in marks if mark.startswith("needs=")]
        named = [mark for mark in marks if "." in mark and not mark.startswith("needs=")]
        snippet = Snippet(
            page=page.relative_to(ROOT).as_posix(),
            line=text.count("\n", 0, fence.start()) + 1,
            language=language,
            words=frozenset(mark for mark in marks if mark not in named and "=" not in mark),
            file=named[0] if named else "",
            needs=tuple(name for each in needs for name in each.split(",")),
            code=fence[2],
            output=_output(fence[2], None if after is None or after[1].strip() != "text" else after[2]),
            files=dict(files),
        )
        if snippet.file and "run" not in snippet.words:
            files[snippet.file] = snippet.code
        yield snippet


def _output(code: str, next_block: str | None) -> str | None:
    promised = _PROMISE.findall(code)
    if next_block is None and promised:
        return "".join(f"{line}\n" for line in promised)
    return next_block


def missing(snippet: Snippet) -> list[str]:
    """Return the packages that a snippet needs and that are not installed."""
    return [name for name in snippet.needs if importlib.util.find_spec(name) is None]


def run_as_script(snippet: Snippet, folder: Path) -> str:
    """Run a program in a process of its own, in an empty folder; return what it printed, errors last.

    Raises:
        AssertionError: it did not end well.
    """
    name = snippet.file or "snippet.py"
    snippet.lay_out(folder)
    (folder / name).write_text(snippet.code, encoding="utf-8")
    done = _run([sys.executable, name], folder)
    assert done.returncode == 0, f"{snippet} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return _without(folder, done.stdout + done.stderr)


def _without(folder: Path, printed: str) -> str:
    """Return printed text with places in a folder relative to it."""
    return printed.replace(f"{folder}{os.sep}", "")


def run_commands(snippet: Snippet, folder: Path) -> str:
    """Run the commands of a console block; return it as it would have looked.

    A command must end with 0, unless the next one is ``echo $?``.

    Raises:
        AssertionError: one did not.
    """
    snippet.lay_out(folder)
    commands = [line.removeprefix("$ ") for line in snippet.code.splitlines() if line.startswith("$ ")]
    seen, code = "", 0
    for command, following in zip(commands, [*commands, ""][1:], strict=True):
        seen += f"$ {command}\n"
        if command == "echo $?":
            seen += f"{code}\n"
            continue
        done = _run(_resolved(shlex.split(command)), folder)
        code = done.returncode
        seen += _without(folder, done.stdout + done.stderr)
        assert code == 0 or following == "echo $?", f"{snippet}: {command} ended with {code}\n{seen}"
    return seen


def _resolved(words: Sequence[str]) -> list[str]:
    """Return a command that runs what is here, installed or not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if words[0] == "python":
        return [sys.executable, *words[1:]]
    module, _, function = project.get("scripts", {})[words[0]].partition(":")
    code = f"import sys; from {module} import {function}; sys.argv[0] = {words[0]!r}; sys.exit({function}())"
    return [sys.executable, "-c", code, *words[1:]]


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", "COLUMNS": "110"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=LIMIT,
        check=False,
    )


def run_as_cells(jobs: Sequence[tuple[str, str, Sequence[str]]]) -> list[str]:
    """Execute programs as cells of one notebook, each in its folder and with nothing of those before it.

    Args:
        jobs: for each program its folder, its code, and the names of modules that its page gives.

    Returns:
        What each printed, errors last; with the traceback, if it raised.
    """
    import nbformat
    from nbclient import NotebookClient

    from matrix.contexts._kernel import _environment_in, _manager

    cells = []
    for folder, code, modules in jobs:
        cells += [f"%reset -f\n{_PREPARE.format(folder=folder, modules=list(modules))}", code]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])  # type: ignore[no-untyped-call]  # untyped
    own = jobs[0][0]
    with _environment_in(own):
        client = NotebookClient(notebook, km=_manager(own), timeout=int(LIMIT), allow_errors=True)
        client.execute(cwd=own, cleanup_kc=True)
    return [_printed(cell.outputs) for cell in notebook.cells[1::2]]


_PREPARE = """
import os, sys
os.chdir({folder!r})
for name in {modules!r}:
    sys.modules.pop(name, None)
del os, sys
"""


def _printed(outputs: Sequence[Mapping[str, object]]) -> str:
    streams = {"stdout": "", "stderr": ""}
    for output in outputs:
        if output["output_type"] == "error":
            streams["stderr"] += json.dumps(output["traceback"])
        elif output["output_type"] == "stream":
            streams[str(output["name"])] += str(output["text"])
    return streams["stdout"] + streams["stderr"]


def matches(expected: str, printed: str) -> bool:
    """Whether a program printed what its page says.

    ``...`` stands for anything on its line, and for any lines where it is alone. Seconds with one decimal
    place count as equal.
    """
    lines = [_pattern(line) for line in _without_times(expected).splitlines()]
    return re.fullmatch("".join(lines), _without_times(printed)) is not None


def _pattern(line: str) -> str:
    if line.strip() == "...":
        return r"(?:.*\n)*"
    return ".*".join(re.escape(part) for part in line.split("...")) + r"\n"


def _without_times(text: str) -> str:
    return re.sub(r"\b\d+\.\d s\b", "N s", text)
