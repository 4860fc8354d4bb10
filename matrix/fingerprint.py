"""What a run ran on: interpreter, system and the versions of the packages that its cells involve."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ("fingerprint",)

ALWAYS = ("agent-runtime", "PyYAML", "typing-extensions")


def fingerprint(imports: Iterable[str] = (), *, distributions: Iterable[str] = ()) -> dict[str, object]:
    """Return the environment of this process.

    Args:
        imports: import names whose packages' versions matter too.
        distributions: names of packages whose versions matter too.
    """
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "sys_platform": sys.platform,
        "os_name": os.name,
        "packages": _versions(imports, distributions),
    }


def _versions(imports: Iterable[str], distributions: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in (*ALWAYS, *distributions):
        for version in _version_of(name).values():
            found[name] = version
    others = set()
    for name in {name.partition(".")[0] for name in imports}:
        own = _version_of(name)
        found.update(own)
        if not own:
            others.add(name)
    if others:
        # Reads the file list of every package that is installed: a quarter of a second, or seconds.
        owners = importlib.metadata.packages_distributions()
        for owner in {owner for name in others for owner in owners.get(name, ())}:
            found.update(_version_of(owner))
    return {name: found[name] for name in sorted(found, key=str.lower)}


def _version_of(distribution: str) -> dict[str, str]:
    """Return the version by the package's own spelling of its name; nothing if it is not installed."""
    try:
        found = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return {}
    return {found.metadata["Name"]: found.version}
