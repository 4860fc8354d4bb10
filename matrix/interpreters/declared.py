"""What ``pyproject.toml`` says of interpreters: which are supported, which are tried, what a run installs."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("PYPROJECT", "DeclarationError", "Declared", "requirements_of")

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
_OPTIONAL = ("contexts", "hostile", "tls")
"""Groups for single contexts and tests, which are skipped where what they need is missing."""
_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)")


class DeclarationError(Exception):
    """``pyproject.toml`` does not say what is needed; the text says what to write."""


@dataclass(frozen=True)
class Declared:
    """The declarations of one ``pyproject.toml``.

    Attributes:
        supported: versions as the classifiers name them, "3.11".
        tried: further ones, promised to nobody and run where they are found, "3.14t".
        required: what every environment gets.
        optional: what some contexts and tests need, and is left out, by name, where it has no wheel.
    """

    supported: tuple[str, ...]
    tried: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Supported and tried versions, in that order."""
        return (*self.supported, *self.tried)

    @classmethod
    def read(cls, path: Path = PYPROJECT) -> Declared:
        """Return what a file declares.

        Raises:
            DeclarationError: a declaration is missing, or names a group that does not exist.
        """
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        classifiers = data["project"].get("classifiers", ())
        supported = tuple(match[1] for text in classifiers if (match := _CLASSIFIER.fullmatch(text)))
        if not supported:
            raise DeclarationError(
                f"{path}: no version is supported; add 'Programming Language :: Python :: 3.N' to classifiers"
            )
        groups = data.get("dependency-groups", {})
        optional = [one for name in _OPTIONAL for one in requirements_of(groups, name, path)]
        required = [one for one in requirements_of(groups, "tests", path) if one not in optional]
        tried = data.get("tool", {}).get("interpreters", {}).get("tried", ())
        return cls(supported, tuple(tried), tuple(required), tuple(optional))


def requirements_of(groups: Mapping[str, Any], name: str, path: Path) -> list[str]:
    """Return the requirements of a dependency group, those of the groups that it includes among them."""
    if name not in groups:
        raise DeclarationError(f"{path}: [dependency-groups] has no {name!r}; it has {', '.join(groups)}")
    found: list[str] = []
    for entry in groups[name]:
        more = [entry] if isinstance(entry, str) else requirements_of(groups, entry["include-group"], path)
        found += [one for one in more if one not in found]
    return found
