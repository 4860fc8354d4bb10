"""What a run ran on: interpreter, system and the versions of the packages that its cells involve."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ("fingerprint",)

ALWAYS = ("agent-runtime", "PyYAML", "typing-extensions")


def fingerprint(imports: Iterable[str] = ()) -> dict[str, object]:
    """Return the environment of this process; ``imports`` are import names whose versions matter too."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "packages": _versions(imports),
    }


def _versions(imports: Iterable[str]) -> dict[str, str]:
    owners = importlib.metadata.packages_distributions()
    names = set(ALWAYS)
    for name in imports:
        names.update(owners.get(name.partition(".")[0], ()))
    found = {}
    for name in sorted(names, key=str.lower):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
