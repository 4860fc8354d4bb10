"""Every command of the page on the command line prints what the page shows."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.snippets import matches

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "command-line.md"
BLOCKS = re.findall(
    r"^```console tested\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are written for a POSIX shell")
@pytest.mark.parametrize("block", [pytest.param(each, id=f"{n}") for n, each in enumerate(BLOCKS, 1)])
def test_commands_print_what_the_page_shows(block: str, tmp_path: Path) -> None:
    lines = block.splitlines(keepends=True)
    command = "".join(line[2:] for line in lines if line.startswith("$ "))
    shown = "".join(line for line in lines if not line.startswith("$ "))
    ours = f"{shlex.quote(sys.executable)} -m agent_runtime "
    script = re.sub(r"(^|[|;&] )agent-runtime ", lambda found: found[1] + ours, command, flags=re.MULTILINE)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    done = subprocess.run(
        ["bash", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        check=False,
    )

    assert matches(steady(shown), steady(done.stdout)), done.stdout
    assert len(shown) > 20


def steady(text: str) -> str:
    """Return text without what differs from run to run: times and random ids."""
    return re.sub(r"\b[0-9a-f]{32}\b", "ID", re.sub(r"\b\d+\.\d+ (ms|s)\b", r"N \1", text))
