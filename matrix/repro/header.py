"""What stands above a script: which cell it shows, what is expected and was seen, and how to run it."""

from __future__ import annotations

import platform
import textwrap
from typing import TYPE_CHECKING

from matrix.fingerprint import fingerprint
from matrix.promises import promises
from matrix.recorded import environment_of, text_of
from matrix.run import packages_of
from matrix.signature import without_folders
from matrix.targets import AGENT_RUNTIME, CONTROL, control_name, is_broken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matrix.model import Cell
    from matrix.registry import Registry

__all__ = ("EXIT_CODES", "header_of")

LABEL, WIDTH = 12, 100
EXIT_CODES = {
    0: "the claim holds",
    1: "it does not: it fails, the call is refused, or the process dies",
    124: "it hangs: a limit has passed, and the process was killed",
    125: "it could not be judged here: the situation did not come about, or a package is missing",
}
"""What a script ends with; ``git bisect run`` understands them."""


def header_of(
    registry: Registry, cell: Cell, record: Mapping[str, object] | None, *, file: str = "FILE"
) -> str:
    """Return the comment on top of a cell's script.

    Args:
        registry: where the cell's files are.
        cell: which.
        record: what a run has said of the cell, if one is at hand.
        file: what to call the script in the commands.
    """
    environment = _environment(registry, cell, record)
    packages = environment["packages"]
    assert isinstance(packages, dict)
    context, probe = registry.context(cell.context).statement, registry.probe(cell.probe).statement
    label = registry.entry_point(cell.entry_point).statement.label
    title, text = promises().get(probe.promise, ("", ""))
    rows = {
        "cell": [cell.id],
        "call": [f"{label} of agent_runtime{_through(registry, cell)}"],
        "situation": [context.summary],
        "promise": [f"{probe.promise} {title}: {text.partition(chr(10) * 2)[0]}"],
        "expected": [_expected(cell)],
        "seen": _seen(record),
        "on": [f"{environment_of({'fingerprint': environment})}: {_versions(packages)}"],
        "install": [f"python -m pip install {_requirements(packages)}"],
        "run": [f"python {file}"],
        "debug": [f"python -m pdb {file} --here (in one process, without limits)"],
        "exit code": [f"{code} {meaning}" for code, meaning in EXIT_CODES.items()],
    }
    claim = textwrap.wrap(f"{probe.claim[:1].upper()}{probe.claim[1:]}.", WIDTH)
    lines = [*claim, "", *(line for name, said in rows.items() for line in _row(name, said))]
    return "\n".join(f"# {_shown(line)}".rstrip() for line in lines) + "\n"


def _shown(line: str) -> str:
    """Return a line without what would end the comment or could not be seen in it."""
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def _row(name: str, said: list[str]) -> list[str]:
    lines = [
        line
        for one in said
        for line in (textwrap.wrap(one, WIDTH, break_long_words=False, break_on_hyphens=False) or [""])
    ]
    labels = [name, *[""] * len(lines)]
    return [f"{label:<{LABEL}}{line}" for label, line in zip(labels, lines, strict=False)]


def _environment(registry: Registry, cell: Cell, record: Mapping[str, object] | None) -> Mapping[str, object]:
    """Return what the record ran on; without one, what there is here."""
    found = None if record is None else record.get("fingerprint")
    if isinstance(found, dict) and isinstance(found.get("packages"), dict):
        return found
    return fingerprint(packages_of(registry, [cell]))


def _through(registry: Registry, cell: Cell) -> str:
    if cell.target == AGENT_RUNTIME:
        return ""
    if cell.target == CONTROL:
        return ", through the bridge that the claim's own `broken()` makes of it"
    name = control_name(cell.target)
    if name is None:
        summary = registry.peer(cell.target).statement.summary
        return f", whose async variant is bridged by {cell.target}: {summary}"
    return f", whose async variant is bridged by {name}: {registry.control(name).statement.summary}"


def _expected(cell: Cell) -> str:
    if is_broken(cell.target):
        return "that it fails or hangs: this bridge is broken on purpose, and the claim has to notice"
    return "pass"


def _seen(record: Mapping[str, object] | None) -> list[str]:
    if record is None:
        return ["no run was given"]
    phase, detail = text_of(record, "phase"), text_of(record, "detail")
    outcome = text_of(record, "outcome") + (f" in {phase}" if phase else "")
    lines = [f"{outcome}: {detail}".rstrip(": ")]
    for name in ("signature", "hang_class", "explanation"):
        said = text_of(record, name)
        lines += [f"{name.replace('_', ' ')}: {line}" for line in said.splitlines()[:1]]
        lines += [f"  {line}" for line in said.splitlines()[1:]]
    return [without_folders(line) for line in lines]


def _versions(packages: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {version}" for name, version in packages.items()) or platform.machine()


def _requirements(packages: Mapping[str, object]) -> str:
    named = {"agent-runtime": "", **packages}
    return " ".join(f"{name}=={version}" if version else name for name, version in named.items())
