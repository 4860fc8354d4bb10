"""Type checkers see the sync forms: mypy and pyright hold tests/typed, and stubs say when they are old."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TYPED = ROOT / "tests" / "typed"
CHECKERS = ("mypy", "pyright")
HTTP_CLIENT = """\
import httpx
from agent_runtime.bridge import syncify

Client = syncify(httpx.AsyncClient)
Response = syncify(httpx.Response)
"""
HTTP_CALLS = """\
from contextlib import AbstractContextManager
from typing import Iterator, assert_type

from http_client import Client, Response

with Client(base_url="http://here", timeout=3) as client:
    assert_type(client, Client)
    assert_type(client.get("/", params={"a": 1}), Response)
    assert_type(client.stream("GET", "/"), AbstractContextManager[Response])
    with client.stream("GET", "/") as response:
        assert_type(response.aiter_lines(), Iterator[str])
        assert_type((response.status_code, client.is_closed), tuple[int, bool])
"""


def run_module(*command: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in a folder, where it also finds this project."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)},
        check=False,
    )


def check(checker: str, *targets: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a type checker; pyright looks at what the settings in the folder include."""
    if checker == "pyright":
        return run_module("basedpyright", "--pythonpath", sys.executable, folder=folder)
    cache = ROOT / ".mypy_cache" / targets[-1]  # one for each call: mypy locks it
    settings = ("--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(cache))
    return run_module("mypy", *settings, *targets, folder=folder)


def write_stub(module: str, action: str, *, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return run_module("agent_runtime.bridge.facades", module, action, folder=folder)


@pytest.mark.parametrize("checker", CHECKERS)
def test_checkers_see_sync_signatures_and_the_mistakes_of_callers(checker: str) -> None:
    done = check(checker, "-p", "tests.typed")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("checker", CHECKERS)
def test_checkers_understand_a_real_client_and_find_what_is_wrong(checker: str, tmp_path: Path) -> None:
    (tmp_path / "http_client.py").write_text(HTTP_CLIENT, encoding="utf-8")
    (tmp_path / "calls.py").write_text(HTTP_CALLS, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(HTTP_CALLS.replace("Iterator[str]", "list[str]"), encoding="utf-8")
    settings = {"extraPaths": [str(ROOT)], "typeCheckingMode": "standard"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")

    written = write_stub("http_client", "--write", folder=tmp_path)
    done = check(checker, "calls.py", "wrong.py", folder=tmp_path)
    errors = [line for line in done.stdout.splitlines() if " error: " in line]

    assert (written.returncode, done.returncode) == (0, 1), written.stderr + done.stderr
    assert len(errors) == 1, done.stdout
    assert "wrong.py:11" in errors[0]


def test_stub_of_the_facades_is_up_to_date() -> None:
    done = write_stub("tests.typed.client", "--check")

    assert (done.returncode, done.stderr) == (0, "")


def test_stub_that_is_old_or_missing_is_found(tmp_path: Path) -> None:
    shutil.copy(TYPED / "client.py", tmp_path / "client.py")

    missing = write_stub("client", "--check", folder=tmp_path)
    written = write_stub("client", "--write", folder=tmp_path)
    current = write_stub("client", "--check", folder=tmp_path)
    source = (tmp_path / "client.py").read_text(encoding="utf-8")
    (tmp_path / "client.py").write_text(source.replace("fetch =", "get ="), encoding="utf-8")
    old = write_stub("client", "--check", folder=tmp_path)

    assert [missing.returncode, written.returncode, current.returncode, old.returncode] == [1, 0, 0, 1]
    assert re.search(r"client.pyi is not up to date; run this with --write", old.stderr)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("import httpx", "wrong holds no facade; write Client = syncify", id="no_facade"),
        pytest.param(
            "import httpx\nfrom agent_runtime.bridge import syncify\n"
            "Client = syncify(httpx.AsyncClient)\ndef helper(): ...",
            "wrong.helper is not made by syncify(), and a stub would hide it",
            id="other_names",
        ),
        pytest.param(None, "No module named 'wrong'", id="no_module"),
    ],
)
def test_module_of_which_no_stub_can_be_made_is_refused(
    source: str | None, message: str, tmp_path: Path
) -> None:
    if source is not None:
        (tmp_path / "wrong.py").write_text(source, encoding="utf-8")

    done = write_stub("wrong", "--write", folder=tmp_path)

    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "wrong.pyi").exists()
