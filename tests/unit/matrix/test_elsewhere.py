"""``--python``: the same command line in another interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CELL = "agent_runtime/run_workflow/plain_script/returns_the_async_value"
LIMIT = 120


def matrix(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[3]
    return subprocess.run(
        [sys.executable, "-m", "matrix", *words],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
    )


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """An environment of its own, without the packages that this one has, but for what the cell needs."""
    folder = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=LIMIT)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    script = "import site; print(site.getsitepackages()[0])"
    there = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True, timeout=LIMIT)
    import packaging
    import yaml

    packages = Path(there.stdout.strip())
    for package in (yaml, packaging):
        assert package.__file__ is not None
        own = Path(package.__file__).parent
        (packages / own.name).symlink_to(own)
    return python


@pytest.mark.skipif(os.name == "nt", reason="links packages into an environment")
@pytest.mark.parametrize("option", ["--python={}", "--pyth={}", "--python {}"])
def test_run_is_of_the_interpreter_that_is_named(other: Path, tmp_path: Path, option: str) -> None:
    words = option.format(other).split()
    done = matrix("run", *words, "--cell", CELL, "--results", "found", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    first = (tmp_path / "found" / "matrix.ndjson").read_text(encoding="utf-8").splitlines()[0]
    assert json.loads(first)["fingerprint"]["prefix"] == str(other.parents[1])


@pytest.mark.parametrize(
    ("python", "said"),
    [
        pytest.param("3.99", "--python: no Python 3.99 is found; there are ", id="unknown_version"),
        pytest.param("./nowhere/python", "--python: ./nowhere/python: there is no such file", id="no_file"),
        pytest.param(__file__, "this is no CPython 3.11 or later that can be started", id="no_program"),
    ],
)
def test_what_is_no_interpreter_is_refused(python: str, said: str, tmp_path: Path) -> None:
    done = matrix("run", "--python", python, "--cell", CELL, cwd=tmp_path)

    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "results").exists()
