"""What git says of the checkout, also where this was started by git itself."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ("GitError", "git")

# Set for hooks, as seen from where git was called; with them, git would not look for the folder's repository.
OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")
# A guess; git answers in milliseconds, and on a slow network drive in seconds.
LIMIT = 60.0


class GitError(Exception):
    """Git cannot be asked, or does not know; the text is what it says."""


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints for a folder's repository; blocks until it has ended.

    Raises:
        GitError: it cannot be started, or fails.
    """
    environment = {name: value for name, value in os.environ.items() if name not in OF_A_HOOK}
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False, env=environment, timeout=LIMIT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GitError(f"git cannot be asked: {error}") from error
    if done.returncode != 0:
        raise GitError(f"git says: {' '.join(done.stderr.decode(errors='replace').split())}")
    # The names of files come as they are, whatever they mean to the locale.
    return done.stdout.decode(errors="surrogateescape")
