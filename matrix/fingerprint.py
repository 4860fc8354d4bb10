"""What a run ran on: interpreter, system and the versions of the packages that its cells involve."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.metadata import Distribution

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
    named = {name: _installed(name) for name in (*ALWAYS, *distributions)}
    found = {name: package.version for name, package in named.items() if package is not None}
    for package in _packages_of({name.partition(".")[0] for name in imports}):
        found[package.metadata["Name"]] = package.version
    return {name: found[name] for name in sorted(found, key=str.lower)}


def _packages_of(modules: Iterable[str]) -> Iterator[Distribution]:
    """Yield the packages that modules come from; most are called like their module."""
    others = []
    for module in modules:
        package = _installed(module)
        if package is None:
            others.append(module)
        else:
            yield package
    if others:
        # Reads the file list of every package that is installed: a quarter of a second, or seconds.
        owners = importlib.metadata.packages_distributions()
        for name in {name for module in others for name in owners.get(module, ())}:
            yield importlib.metadata.distribution(name)


def _installed(name: str) -> Distribution | None:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
