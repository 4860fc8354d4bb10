"""``agent-runtime run`` at a terminal: progress, one Ctrl-C, two, and SIGTERM."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path

import pytest

from tests.helpers.command_line import at_terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")

HOST = ("--functions", "host:FUNCTIONS", "--tools", "host:TOOLS")


@pytest.fixture
def slow(folder: Path) -> str:
    text = "steps:\n  - {id: slow, function: wait}\n  - {id: late, function: wait, needs: [slow]}\n"
    (folder / "slow.yaml").write_text(text, encoding="utf-8")
    return "slow.yaml"


@pytest.fixture
def dawdling(folder: Path) -> str:
    (folder / "dawdling.yaml").write_text("steps:\n  - {id: slow, function: dawdle}\n", encoding="utf-8")
    return "dawdling.yaml"


def test_terminal_shows_each_step_and_what_is_in_progress(folder: Path) -> None:
    with at_terminal("run", "sums.yaml", *HOST, "--input", "number=2", folder=folder) as run:
        code, stdout = run.end()

    assert code == 0
    assert '"doubled": 4' in stdout
    assert re.search("✓\x1b\\[0m double  0\\.\\d\\d s\r\n", run.seen)
    assert re.search("✓\x1b\\[0m show  0\\.\\d\\d s\r\n", run.seen)
    assert "… 0 of 2 steps have ended; in progress: double" in run.seen
    assert "\r\x1b[2Ka step prints this\r\n" in run.seen
    assert run.seen.endswith("s\r\n")
    assert run.seen.count("in progress:") == run.seen.count("\r\x1b[2K") > 1  # each is taken away again


def test_one_ctrl_c_cancels_the_run_and_waits_for_its_cleanup(folder: Path, slow: str) -> None:
    with at_terminal("run", slow, *HOST, folder=folder) as run:
        run.read_until("in progress: slow")
        run.press_ctrl_c()
        code, stdout = run.end()

    assert (code, stdout) == (130, "")
    assert "cleaned up" in run.seen
    assert "agent-runtime: interrupted; the run has been cancelled" in run.seen
    assert "Traceback" not in run.seen


def test_second_ctrl_c_abandons_a_cleanup_that_does_not_end(folder: Path, dawdling: str) -> None:
    with at_terminal("run", dawdling, *HOST, folder=folder) as run:
        run.read_until("in progress: slow")
        run.press_ctrl_c()
        run.read_until("cleaning up")
        run.press_ctrl_c()
        code, stdout = run.end()

    assert (code, stdout) == (130, "")
    assert "Traceback" not in run.seen


def test_sigterm_cancels_the_run_and_waits_for_its_cleanup(folder: Path, slow: str) -> None:
    with at_terminal("run", slow, *HOST, folder=folder) as run:
        run.read_until("in progress: slow")
        run.process.send_signal(signal.SIGTERM)
        code, stdout = run.end()

    assert (code, stdout) == (143, "")
    assert "cleaned up" in run.seen
    assert "Traceback" not in run.seen
