"""Which versions of Python are supported is said in several places, and everywhere alike."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

from matrix.interpreters.declared import Declared
from matrix.interpreters.found import OLDEST

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
JOBS = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
README = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
DECLARED = Declared.read()


def versions(text: str) -> list[str]:
    return re.findall(r"3\.\d+t?", text)


def test_oldest_supported_version_is_the_oldest_that_can_be_installed_and_is_looked_for() -> None:
    oldest = ".".join(map(str, OLDEST))

    assert DECLARED.supported[0] == oldest
    assert PYPROJECT["project"]["requires-python"] == f">={oldest}"
    assert PYPROJECT["tool"]["mypy"]["python_version"] == oldest
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"


def test_supported_versions_are_in_order_and_without_a_gap() -> None:
    minors = [int(version.partition(".")[2]) for version in DECLARED.supported]

    assert minors == list(range(minors[0], minors[-1] + 1))


def test_readme_names_the_supported_and_the_tried_versions() -> None:
    (supported,) = re.findall(r"Supported are CPython (.+?)\. ", README)
    (tried,) = re.findall(r"The free-threaded builds (.+?) are tried", README)

    assert versions(supported) == list(DECLARED.supported)
    assert versions(tried) == list(DECLARED.tried)


def test_ci_runs_contexts_and_tests_on_every_supported_version_and_forgives_none() -> None:
    for name in ("shards", "contexts", "tests"):
        assert JOBS[name]["strategy"]["matrix"]["python"] == list(DECLARED.supported)
        assert "continue-on-error" not in JOBS[name]


def test_ci_tries_the_other_versions_and_only_they_may_fail() -> None:
    forgiven = {name for name, job in JOBS.items() if "continue-on-error" in job}

    assert forgiven == {"free_threaded"}
    assert JOBS["free_threaded"]["strategy"]["matrix"]["python"] == list(DECLARED.tried)
