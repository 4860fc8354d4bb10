"""What a run with the newest packages has found, for readers and as data."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matrix.newest.blame import Blame
    from matrix.newest.packages import Difference

__all__ = ("as_data", "as_markdown")


def as_data(
    blames: Sequence[Blame], different: Sequence[Difference], options: Sequence[str]
) -> dict[str, object]:
    """Return it as plain data; ``failures`` by title, which is what an issue is called."""
    failures: dict[str, list[dict[str, object]]] = {}
    for one in blames:
        red = one.red
        entry: dict[str, object] = {"kind": red.kind, "name": red.name, "word": red.word, "said": red.said}
        entry |= {"packages": [vars(each) for each in one.packages], "reason": one.reason}
        entry |= {"repeat": _repeat(one)}
        failures.setdefault(one.title, []).append(entry)
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "options": list(options),
        "differences": [vars(one) for one in different],
        "failures": failures,
    }


def as_markdown(data: dict[str, object], blames: Sequence[Blame], different: Sequence[Difference]) -> str:
    """Return it as a page: what is red and with which packages, and then what differs."""
    where = f"CPython {data['python']} on {data['system']}"
    lines = [f"# The newest packages, {where}", ""]
    if not blames:
        lines += [f"All green with {len(different)} packages that are newer than those that are tested.", ""]
    titles = dict.fromkeys(one.title for one in blames)
    for title in titles:
        lines += [f"## {title}", ""]
        for one in blames:
            if one.title == title:
                because = ", ".join(map(str, one.packages)) or one.reason
                lines += [f"- {one.red.kind} `{one.red.name}`: {one.red.word}; {because}"]
                lines += [f"  `{_repeat(one)}`"] if _repeat(one) else []
        lines.append("")
    lines += ["| package | tested | newest |", "|---|---|---|"]
    lines += [f"| {one.name} | {one.tested or 'none'} | {one.newest} |" for one in different]
    return "\n".join(lines) + "\n"


def _repeat(blame: Blame) -> str:
    """Return the command that looks for the very version of a package; empty where there is none."""
    if blame.red.kind != "cell" or len(blame.packages) != 1 or not blame.packages[0].tested:
        return ""
    (one,) = blame.packages
    versions = f"--good {one.tested} --bad {one.newest}"
    return f"python -m matrix bisect {blame.red.name} --package {one.name} {versions}"
