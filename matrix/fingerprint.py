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
    wanted = list(imports)
    # Reads the file list of every package that is installed: seconds, where there are many.
    owners = importlib.metadata.packages_distributions() if wanted else {}
    names = {*ALWAYS, *distributions}
    for name in wanted:
        names.update(owners.get(name.partition(".")[0], ()))
    found = {}
    for name in sorted(names, key=str.lower):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
