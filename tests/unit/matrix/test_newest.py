"""Newest packages: which of them turned which test or command red, in real environments of toy packages."""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from matrix.bisection.environments import like_this_one
from matrix.newest.blame import FLAKY, TESTED_TOO
from matrix.newest.packages import Difference, differences
from tests.helpers.children import ROOT
from tests.helpers.wheels import write_wheel

TESTS = """
from pathlib import Path
import pytest, toy_answer, toy_half, toy_other

def test_needs_one():
    assert toy_answer.VALUE == 42

def test_needs_two_at_once():
    assert (toy_half.VALUE, toy_other.VALUE) != (2, 2)

def test_always_red():
    raise LookupError("whatever is installed")

def test_red_once():
    mark = Path(__file__).with_name("seen")
    seen = mark.exists()
    mark.touch()
    assert seen

def test_green():
    assert toy_other.VALUE
"""
PROJECT = """
[dependency-groups]
all = ["toy-answer", "toy-half", "toy-other"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose packages all have two versions."""
    wheels, folder = tmp_path / "wheels", tmp_path / "project"
    for name in ("toy_answer", "toy_half", "toy_other"):
        first = "VALUE = 42" if name == "toy_answer" else "VALUE = 1"
        write_wheel(wheels, name, "1.0", first)
        write_wheel(wheels, name, "2.0", "VALUE = 2")
    write_wheel(wheels, "toy_half", "3.0b1", "VALUE = 3")
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (folder / "test_toys.py").write_text(TESTS, encoding="utf-8")
    return folder


@pytest.fixture
def tested(project: Path, tmp_path: Path) -> Path:
    """The interpreter of an environment with the first version of each."""
    python = like_this_one(tmp_path / "tested")
    pins = [f"toy-{name}==1.0" for name in ("answer", "half", "other")]
    links = f"--find-links={project.parent / 'wheels'}"
    run(python, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", links, *pins)
    return python


_QUICK = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "xdist.plugin"}


def run(python: Path, *arguments: str, codes: tuple[int, ...] = (0,), **more: str) -> str:
    # What the tests here are run with is on the path, as the newest environments have the toys alone.
    path = os.pathsep.join([str(ROOT), *site.getsitepackages()])
    done = subprocess.run(
        [python, *arguments],
        capture_output=True,
        text=True,
        timeout=1_200,
        check=False,
        env={**os.environ, **_QUICK, "PYTHONPATH": path, **more},
    )
    assert done.returncode in codes, done.stdout + done.stderr
    return done.stdout


def found_with(tested: Path, project: Path, *arguments: str, code: int = 1) -> dict[str, Any]:
    """Run the command with the tested environment; return what newest.json says."""
    results = project.parent / "results"
    options = ["--project", str(project), "--results", str(results), "--group", "all", "--no-index"]
    options += ["--find-links", str(project.parent / "wheels"), *arguments]
    page = run(tested, "-m", "matrix.newest", *options, codes=(code,))
    assert (results / "newest.md").read_text(encoding="utf-8") in page
    data: dict[str, Any] = json.loads((results / "newest.json").read_text(encoding="utf-8"))
    return data


@pytest.mark.slow
def test_package_that_turned_a_test_or_a_command_red_is_named(tested: Path, project: Path) -> None:
    command = "python -c 'import toy_answer; raise SystemExit(toy_answer.VALUE != 42)'"

    data = found_with(tested, project, "--only", "tests", "--only", "lint", "--lint", command)

    blamed = {
        red["name"].partition("::")[2] or red["kind"]: (
            [(one["name"], one["tested"], one["newest"]) for one in red["packages"]],
            red["reason"],
        )
        for reds in data["failures"].values()
        for red in reds
    }
    assert blamed == {
        "test_needs_one": ([("toy-answer", "1.0", "2.0")], ""),
        "test_needs_two_at_once": ([("toy-half", "1.0", "2.0"), ("toy-other", "1.0", "2.0")], ""),
        "test_always_red": ([], TESTED_TOO),
        "test_red_once": ([], FLAKY),
        "command": ([("toy-answer", "1.0", "2.0")], ""),
    }
    assert set(data["failures"]) == {
        "Newest packages: red with toy-answer 2.0",
        "Newest packages: red with toy-half 2.0, toy-other 2.0",
        "Newest packages: red for no package: test_toys.py::test_always_red",
        "Newest packages: red for no package: test_toys.py::test_red_once",
    }


def test_previews_are_taken_when_asked_for_and_all_green_is_said(tested: Path, project: Path) -> None:
    (project / "test_toys.py").write_text("def test_green(): pass\n", encoding="utf-8")

    data = found_with(tested, project, "--only", "tests", "--pre", code=0)

    assert {one["name"]: one["newest"] for one in data["differences"]}["toy-half"] == "3.0b1"
    assert (data["failures"], data["options"][0]) == ({}, "--pre")


def test_versions_that_cannot_be_installed_are_a_failure_of_their_own(tested: Path, project: Path) -> None:
    (project / "pyproject.toml").write_text('[dependency-groups]\nall = ["toy-gone"]\n', encoding="utf-8")

    data = found_with(tested, project, "--only", "tests")

    ((title, (red,)),) = data["failures"].items()
    assert title == "Newest packages: red for no package: pip install of the newest of everything"
    assert "toy-gone" in red["said"]


def test_packages_that_differ_are_those_of_the_newest_environment() -> None:
    found = differences({"same": "1", "older": "1", "gone": "1"}, {"same": "1", "older": "2", "brought": "3"})

    assert found == (Difference("brought", "", "3"), Difference("older", "1", "2"))


FAILURE = {
    "kind": "test",
    "name": "tests/a.py::test_b",
    "word": "call AssertionError",
    "said": "assert `1` == 2",
    "packages": [{"name": "toy", "tested": "1.0", "newest": "2.0"}],
    "reason": "",
    "repeat": "",
}
GH = """#!/bin/sh
echo "$*" >> {log}
test "$2" = list && echo '[{{"title": "Newest packages: red with known 1"}}]'
exit 0
"""


@pytest.mark.skipif(sys.platform == "win32", reason="gh is a shell script here")
def test_each_new_failure_gets_one_issue_and_none_gets_two(tmp_path: Path) -> None:
    passing = dict(FAILURE, packages=[], reason=FLAKY)
    failures = {
        "Newest packages: red with toy 2.0": [FAILURE],
        "Newest packages: red with known 1": [FAILURE],
        "Newest packages: red for no package: flaky": [passing],
    }
    for python in ("3.11.7", "3.12.1"):
        run_data: dict[str, object] = {
            "python": python,
            "system": "Linux",
            "options": [],
            "differences": [],
            "failures": failures,
        }
        path = tmp_path / "found" / python / "newest.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(run_data), encoding="utf-8")
    log, gh = tmp_path / "log", tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(GH.format(log=log), encoding="utf-8")
    gh.chmod(0o755)
    path_variable = os.pathsep.join([str(gh.parent), os.environ["PATH"]])

    said = run(
        Path(sys.executable), "-m", "matrix.newest.issues", str(tmp_path / "found"), PATH=path_variable
    )

    assert said.splitlines() == [
        "opened: Newest packages: red with toy 2.0",
        "there is an issue already: Newest packages: red with known 1",
    ]
    text = log.read_text(encoding="utf-8")
    assert text.count("issue create") == 1
    assert "CPython 3.11.7 on Linux" in text
    assert "CPython 3.12.1 on Linux" in text
    assert "- test `tests/a.py::test_b` (toy 2.0, tested 1.0): `assert '1' == 2`" in text
