"""The files of constraints: which versions they name, what they lack, and for which interpreter each is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from matrix.constraints.__main__ import main
from matrix.constraints.declared import Wanted, all_wanted, tried_wanted
from matrix.constraints.files import constraints_for
from matrix.constraints.pinned import lacking, merged, pins_of, trimmed
from matrix.constraints.wheels import NoVersionError, left_out_by, with_wheels
from matrix.interpreters.environment import Environment, InstallError
from matrix.interpreters.found import Interpreter
from tests.helpers.children import ROOT

PYPROJECT = """
[build-system]
requires = ["builder>=1"]
[project]
classifiers = ["Programming Language :: Python :: 3.11", "Programming Language :: Python :: 3.12"]
dependencies = ["base>=2"]
optional-dependencies = {more = ["extra"]}
[dependency-groups]
hostile = ["nox>=1"]
contexts = []
tls = []
tests = [{include-group = "hostile"}, "heavy"]
rivals = ["rival"]
[tool.constraints]
apart = ["rivals"]
"""


def wanted(*requirements: str, pythons: tuple[str, ...] = ("3.11",)) -> Wanted:
    return Wanted("3.11", pythons, requirements)


def test_files_name_a_version_for_all_that_pyproject_asks_for() -> None:
    found = {}
    for one in all_wanted():
        path = ROOT / "constraints" / f"{one.name}.txt"
        found[path.name] = lacking(one, path.read_text(encoding="utf-8"))
    for one, _optional in tried_wanted():  # what is optional there may be added where that build is at hand
        path = ROOT / "constraints" / f"{one.name}.txt"
        if path.exists():
            found[path.name] = lacking(one, path.read_text(encoding="utf-8"))

    assert [one for missing in found.values() for one in missing] == [], "run nox -s constraints"
    assert set(found) == {path.name for path in (ROOT / "constraints").iterdir()}


def test_files_have_no_address_and_no_path() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "constraints").iterdir()}

    assert {name for name, text in texts.items() if "/" in text.partition("\n")[2] or "://" in text} == set()
    assert all(
        [str(pin.specifier)[:2] for pin in pins] == ["=="] * len(pins)
        for text in texts.values()
        for pins in pins_of(text).values()
    )


def test_each_supported_python_has_a_file_and_a_group_apart_one_more(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(PYPROJECT, encoding="utf-8")

    found = {one.name: (one.pythons, one.requirements) for one in all_wanted(path)}

    together = ("base>=2", "builder>=1", "extra", "nox>=1", "heavy")
    assert found == {
        "nox": (("3.11", "3.12"), ("nox>=1",)),
        "3.11": (("3.11",), together),
        "rivals-3.11": (("3.11",), ("base>=2", "builder>=1", "rival")),
        "3.12": (("3.12",), together),
        "rivals-3.12": (("3.12",), ("base>=2", "builder>=1", "rival")),
    }


@pytest.mark.parametrize(
    ("requirement", "text", "says"),
    [
        pytest.param("one>=2", "one==2.1\n", [], id="satisfied"),
        pytest.param("One_Two[x]>=2", "one-two==3.0b1  # a comment\n", [], id="other_spelling_and_a_preview"),
        pytest.param("one>=2", "two==2.1\n", ["constraints/3.11.txt has no version of one"], id="missing"),
        pytest.param(
            "one>=2",
            "one==1.9\n",
            ["constraints/3.11.txt has one==1.9, and pyproject.toml asks for one>=2"],
            id="older",
        ),
        pytest.param("one; python_version < '3'", "", [], id="for_no_supported_python"),
        pytest.param(
            "one; sys_platform != 'win32'", "one==1 ; sys_platform != 'win32'\n", [], id="no_windows"
        ),
        pytest.param(
            "one",
            "one==1 ; sys_platform != 'win32'\n",
            ["constraints/3.11.txt has no version of one"],
            id="missing_on_windows",
        ),
    ],
)
def test_what_a_file_lacks_is_said(requirement: str, text: str, says: list[str]) -> None:
    assert lacking(wanted(requirement), text) == says


def test_answer_of_the_resolver_is_cut_to_what_holds_on_a_python() -> None:
    answer = (
        "both==1 ; python_full_version < '3.12'\nboth==2 ; python_full_version >= '3.12'\n"
        "late==1 ; python_full_version >= '3.11.4'\nwindows==1 ; sys_platform == 'win32'\n"
        "web==1 ; sys_platform == 'emscripten'\nalways==1\n"
    )

    assert trimmed(answer, ("3.11",)).splitlines() == [
        "always==1",
        "both==1",
        'late==1 ; python_full_version >= "3.11.4"',
        'windows==1 ; sys_platform == "win32"',
    ]


def test_files_are_one_for_the_resolver_and_what_differs_has_a_marker() -> None:
    text = merged({("3.11",): "same==1\nother==1\n", ("3.12",): "same==1\nother==2\n"})

    assert text.splitlines() == [
        "same==1",
        "other==1 ; python_version == '3.11'",
        "other==2 ; python_version == '3.12'",
    ]


def test_build_without_the_gil_gets_what_has_wheels_and_its_file_names_the_rest() -> None:
    def resolve(asked: Sequence[str]) -> str:
        if "stuck>=1" in asked:
            raise NoVersionError
        return "".join(f"{one.partition('>')[0]}==1\n" for one in sorted(asked))

    text = with_wheels(["base>=1"], ["stuck>=1", "more>=1", "stuck>=1"], resolve)

    assert text.splitlines() == ["# No wheels: stuck", "base==1", "more==1"]
    assert left_out_by(text) == {"stuck"}
    assert lacking(wanted("base>=1", "stuck>=1", "gone"), text) == [
        "constraints/3.11.txt has no version of gone"
    ]
    with pytest.raises(NoVersionError):
        with_wheels(["stuck>=1"], [], resolve)


def test_build_without_the_gil_takes_its_own_file_where_there_is_one(tmp_path: Path) -> None:
    folder = tmp_path / "constraints"
    folder.mkdir()
    (folder / "3.98.txt").touch()
    assert constraints_for(tmp_path, (3, 98, 1), free_threaded=True) == folder / "3.98.txt"

    (folder / "3.98t.txt").touch()
    assert constraints_for(tmp_path, (3, 98, 1), free_threaded=True) == folder / "3.98t.txt"
    assert constraints_for(tmp_path, (3, 98, 1)) == folder / "3.98.txt"


def test_check_says_what_to_run_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(PYPROJECT, encoding="utf-8")

    code = main(["--check", "--pyproject", str(path)])

    assert code == 1
    assert (
        "constraints/rivals-3.12.txt has no version of rival; run nox -s constraints"
        in capsys.readouterr().out
    )
    assert [one.name for one in tmp_path.iterdir()] == ["pyproject.toml"]


def test_interpreter_without_a_file_is_refused_with_what_to_do() -> None:
    environment = Environment(Interpreter(sys.executable, (3, 99, 0), "3.99.0"), Path(sys.prefix))

    assert constraints_for(ROOT, (3, 11, 7)) == ROOT / "constraints" / "3.11.txt"
    with pytest.raises(
        InstallError, match=r"there is no constraints/3.99.txt.*Declare 3.99 in pyproject.toml"
    ):
        environment.install(ROOT, [], [])


def test_readme_installs_nox_from_its_file_with_all_that_it_needs() -> None:
    text = (ROOT / "constraints" / "nox.txt").read_text(encoding="utf-8")

    assert all(Requirement(line).specifier for line in text.splitlines() if not line.startswith("#"))
    assert {"nox", "virtualenv"} <= set(pins_of(text))
