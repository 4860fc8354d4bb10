"""``python -m agent_runtime``: the command line, where the console script is not installed."""

from __future__ import annotations

import sys

from agent_runtime.cli import main

__all__ = ()

if __name__ == "__main__":
    sys.exit(main())
