"""Where a process that the matrix starts finds modules."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ("python_path",)


def python_path(*folders: str | Path) -> str:
    """Return a PYTHONPATH: these folders first, and behind them those that this process was started with."""
    inherited = os.environ.get("PYTHONPATH")
    return os.pathsep.join([*map(str, folders), *([inherited] if inherited else [])])
