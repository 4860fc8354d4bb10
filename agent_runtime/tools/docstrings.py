"""What a docstring says of a function and of its parameters: Google's sections, or Sphinx's fields."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ("Docstring", "read_docstring")

_SECTION = re.compile(r"^(\w[\w ]*):\s*$", re.MULTILINE)
_ARGUMENTS = ("Args", "Arguments", "Parameters", "Params")
_GOOGLE = re.compile(r"^(?P<indent> +)\*{0,2}(?P<name>\w+)\s*(?:\([^)]*\))?:\s*(?P<about>.*)$")
_SPHINX = re.compile(r"^:param (?:[^:]+ )?(?P<name>\w+):\s*(?P<about>.*)$")


class Docstring(NamedTuple):
    """What it says.

    Attributes:
        summary: everything before the first section or field.
        parameters: what it says of parameters, by name.
    """

    summary: str
    parameters: dict[str, str]


def read_docstring(text: str) -> Docstring:
    """Read a docstring whose indentation has been removed."""
    lines = text.splitlines()
    summary: list[str] = []
    parameters: dict[str, str] = {}
    section: str | None = None
    name, depth = None, 0
    for line in lines:
        heading, field = _SECTION.match(line), _SPHINX.match(line)
        if heading is not None:
            section, name = heading[1], None
        elif field is not None or line.startswith(":"):
            section, name = "Args", None if field is None else field["name"]
            if field is not None:
                parameters[field["name"]] = field["about"]
        elif section is None:
            summary.append(line)
        elif section in _ARGUMENTS:
            found = _GOOGLE.match(line)
            if found is not None and (name is None or len(found["indent"]) <= depth):
                name, depth = found["name"], len(found["indent"])
                parameters[name] = found["about"]
            elif name is not None and line.strip():
                parameters[name] = f"{parameters[name]} {line.strip()}".strip()
    return Docstring("\n".join(summary).strip(), parameters)
