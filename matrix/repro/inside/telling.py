"""What the process that is judged tells the one that watches it."""

from __future__ import annotations

import json
import os
from pathlib import Path

__all__ = ("CODES", "TOLD", "VERDICTS", "tell")

TOLD = "REPRO_TOLD"
"""The environment variable that names the file; not set where nobody watches."""

VERDICTS = ("pass", "fail", "refused", "error")
CODES = {"pass": 0, "fail": 1, "refused": 1, "crash": 1, "hang": 124, "error": 125}
"""What the script ends with, by what has become of the claim."""


def tell(word: str, why: str = "", trace: str = "") -> None:
    """Say what has become of the claim."""
    if TOLD not in os.environ:
        print(f"{trace}\n{word}: {why}")
        return
    with Path(os.environ[TOLD]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"pid": os.getpid(), "word": word, "why": why, "trace": trace}) + "\n")
