"""On what the numbers were measured."""

from __future__ import annotations

import os
import platform

__all__ = ("machine",)


def machine() -> dict[str, str]:
    """Return what somebody who compares numbers has to know of this machine, as words by word."""
    return {
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
    }
