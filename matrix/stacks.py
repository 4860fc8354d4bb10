"""The signature of a hang: ten digits that equal ones share, wherever and whenever they come.

Made of frames, not of the words around them. Left out is what differs between equal hangs: numbers of lines,
threads and tasks, the context and the machine below the check, what the standard library does inside.
"""

from __future__ import annotations

import hashlib
import linecache
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ("Frame", "concerns_the_call", "frames_of_dumps", "signature_of_stacks")

DIGITS = 10
# faulthandler's own words; a second thread's name came with Python 3.14.
THREAD = re.compile(r"^(?:Thread|Current thread) (0x[0-9a-f]+)")
FRAME = re.compile(r'^  File "(.*)", line (\d+|\?\?\?) in (.*)$')
STANDARD = re.compile(r"[/\\](?:python3\.\d+t?|Lib)[/\\](?!(?:site|dist)-packages)")
INLINED = ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>")
# The function of the machine that calls a probe's check: what is below it is the context.
JUDGE = ("matrix/perform.py", "_judge")
OURS = re.compile(r"(?:^|/)(agent_runtime/.*|(?:probes|peers|entry_points)/[^/]*)$")
MACHINE = re.compile(r"(?:^|/)matrix/(?:[^/]*|model/[^/]*|contexts/.*)$")


@dataclass(frozen=True)
class Frame:
    """One frame as faulthandler or a testimony shows it."""

    file: str
    line: int
    function: str

    @property
    def standard(self) -> bool:
        """Whether it belongs to the standard library."""
        return self.file.startswith("<frozen") or STANDARD.search(self.file) is not None


def frames_of_dumps(texts: Iterable[str]) -> list[list[Frame]]:
    """Return each thread's stack, outermost first: what several dumps of faulthandler agree on.

    A thread that is just looking around is caught deeper in one dump than in another; a stack ends where
    two dumps differ. Threads that are not in every dump are left out.
    """
    dumps = [_frames(text) for text in texts]
    common = set.intersection(*(set(dump) for dump in dumps)) if dumps else set()
    return [_agreed([dump[thread] for dump in dumps]) for thread in sorted(common)]


def concerns_the_call(stack: Sequence[Frame]) -> bool:
    """Whether a stack belongs to the call that is judged, and not to the situation or the machine."""
    return any(_is_judge(frame) or OURS.search(_path(frame)) for frame in stack)


def signature_of_stacks(
    threads: Iterable[Sequence[Frame]], tasks: Iterable[Sequence[Frame]] = (), *, lines: bool
) -> str:
    """Return the signature of a hang; empty if no frame says anything.

    Args:
        threads: the stacks of all threads, outermost first.
        tasks: those of all suspended tasks.
        lines: whether the text of the innermost line of a stack counts. It tells calls of C functions
            apart; where code runs, it is another one each time.
    """
    stacks = {"thread": {_essence(stack, lines=lines) for stack in threads}}
    stacks["task"] = {_essence(stack, lines=lines) for stack in tasks}
    named = sorted(f"{kind} {stack}" for kind, found in stacks.items() for stack in found if stack)
    return hashlib.sha256("\n".join(named).encode()).hexdigest()[:DIGITS] if named else ""


def _frames(text: str) -> dict[str, list[Frame]]:
    """Return one dump's stacks by thread; a number that two processes use is told apart by its turn."""
    stacks: dict[str, list[Frame]] = {}
    thread = ""
    for line in text.splitlines():
        if header := THREAD.match(line):
            thread = header[1]
            while thread in stacks:
                thread += "+"
            stacks[thread] = []
        elif (frame := FRAME.match(line)) and thread:
            number = int(frame[2]) if frame[2].isdecimal() else 0
            stacks[thread].insert(0, Frame(frame[1], number, frame[3]))
    return stacks


def _agreed(stacks: list[list[Frame]]) -> list[Frame]:
    agreed = []
    for frames in zip(*stacks, strict=False):
        if len({(frame.file, frame.function) for frame in frames}) > 1:
            break
        agreed.append(frames[-1])
    return agreed


def _essence(stack: Sequence[Frame], *, lines: bool) -> str:
    """Return what a stack has in common with every equal one; empty for stacks of the situation."""
    frames = [frame for frame in stack if frame.function not in INLINED]
    judged = [index for index, frame in enumerate(frames) if _is_judge(frame)]
    if judged:
        frames = frames[judged[-1] + 1 :]
    elif not concerns_the_call(frames):
        return ""
    frames = [frame for frame in frames if OURS.search(_path(frame)) or not MACHINE.search(_path(frame))]
    words = [
        f"{_short(frame)}:{frame.function}"
        for index, frame in enumerate(frames)
        # Of what the standard library does inside, the function that was called is the same everywhere.
        if not (frame.standard and (index == 0 or frames[index - 1].standard))
    ]
    own = [frame for frame in frames if not frame.standard]
    if lines and own:
        linecache.checkcache(own[-1].file)  # it may have been edited since another run of this process
        words.append(" ".join(linecache.getline(own[-1].file, own[-1].line).split()))
    return "|".join(words)


def _is_judge(frame: Frame) -> bool:
    return _path(frame).endswith(JUDGE[0]) and frame.function == JUDGE[1]


def _path(frame: Frame) -> str:
    return frame.file.replace("\\", "/")


def _short(frame: Frame) -> str:
    """Return a file's name without the folders that differ from machine to machine."""
    path = _path(frame)
    if ours := OURS.search(path):
        return ours[1]
    return path.rpartition("site-packages/")[2] if "site-packages/" in path else path.rpartition("/")[2]
