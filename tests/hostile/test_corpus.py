"""Every hostile file ends in a clear error, in a process with little memory and little time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.hostile.corpus import HOSTILE, LARGE

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are read from /proc")


def measured() -> Mapping[str, Mapping[str, object]]:
    """Load the whole corpus; by one process: starting Python takes longer than most files."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.measure"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=500,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, dict[str, object]] = json.loads(done.stdout)
    return found


def test_hostile_files_end_in_clear_errors_and_large_ones_load_within_limits_of_memory_and_time() -> None:
    outcomes = measured()

    assert set(outcomes) == set(HOSTILE) | set(LARGE)
    assert {name: seen["raised"] for name, seen in outcomes.items() if "raised" in seen} == {}
    assert {name: outcomes[name] for name in LARGE if not outcomes[name].get("steps")} == {}
    assert {name: outcomes[name] for name in HOSTILE if "problems" not in outcomes[name]} == {}
    silent = {
        name: outcomes[name]["problems"]
        for name, each in HOSTILE.items()
        if each.says not in "\n".join(map(str, outcomes[name]["problems"]))  # type: ignore[call-overload]  # a list
    }
    assert silent == {}
    unclear = {name: seen for name in HOSTILE if is_unclear(seen := outcomes[name])}
    assert unclear == {}


def is_unclear(seen: Mapping[str, object]) -> bool:
    """Whether an error acts on a terminal, has no place, is too long or too much to be read."""
    count, longest = seen["count"], seen["longest"]
    assert isinstance(count, int)
    assert isinstance(longest, int)
    return bool(seen["odd"] or seen["nowhere"]) or count > 1_000 or longest > 1_000
