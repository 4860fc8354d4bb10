"""Every interpreter: which are found, what is installed for each, what their runs come to, and the table."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest

from matrix.interpreters.__main__ import main
from matrix.interpreters.declared import DeclarationError, Declared
from matrix.interpreters.environment import Environment, InstallError
from matrix.interpreters.found import Interpreter, ask, candidates, interpreters
from matrix.interpreters.suites import SUITES, Result, Suite, Verdict, run_suite
from matrix.interpreters.table import Row, as_table
from matrix.registry import Registry
from tests.helpers.children import ROOT, run_child

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="programs here are shell scripts")
HERE = ask(Path(sys.executable))


def program(path: Path, text: str) -> Path:
    """Write a shell script that can be started."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def pretending(path: Path, *, release: str, free_threaded: bool = False, **different: object) -> Path:
    """Write a program that says of itself that it is an interpreter of another release."""
    version = [int(number) for number in release.partition("rc")[0].split(".")]
    answer = {
        "implementation": "CPython",
        "version": version,
        "release": release,
        "free_threaded": free_threaded,
        "executable": str(path),
        **different,
    }
    text = str(answer).replace("'", '"').replace("True", "true").replace("False", "false")
    return program(path, f"echo '{text}'")


def test_running_interpreter_says_what_it_is() -> None:
    assert HERE is not None
    assert HERE.version == sys.version_info[:3]
    assert Path(HERE.executable).samefile(sys._base_executable)  # type: ignore[attr-defined]  # undocumented


@needs_posix
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("exit 127", id="shim_of_nothing"),
        pytest.param("echo Python 3.12", id="says_something_else"),
        pytest.param("echo '[]'", id="says_another_json"),
        pytest.param("", id="says_nothing"),
    ],
)
def test_program_that_is_no_interpreter_is_left_out(text: str, tmp_path: Path) -> None:
    assert ask(program(tmp_path / "python3", text)) is None


@needs_posix
def test_other_implementations_and_older_versions_are_left_out(tmp_path: Path) -> None:
    other = pretending(tmp_path / "python3.13", release="3.13.1", implementation="PyPy")
    old = pretending(tmp_path / "python3.10", release="3.10.4")

    assert interpreters([other, old]) == []


@needs_posix
def test_of_one_version_the_newest_release_is_taken_and_a_preview_only_if_alone(tmp_path: Path) -> None:
    releases = ("3.12.1", "3.12.9", "3.13.0rc1", "3.12.3", "3.13.0", "3.14.0rc2")

    got = interpreters(pretending(tmp_path / release / "python3", release=release) for release in releases)

    assert [one.release for one in got] == ["3.12.9", "3.13.0", "3.14.0rc2"]


@needs_posix
def test_free_threaded_build_is_a_version_of_its_own(tmp_path: Path) -> None:
    plain = pretending(tmp_path / "python3.14", release="3.14.0")
    without_gil = pretending(tmp_path / "python3.14t", release="3.14.0", free_threaded=True)

    assert [one.name for one in interpreters([without_gil, plain])] == ["3.14", "3.14t"]


@needs_posix
def test_path_pyenv_and_uv_are_looked_through_and_shims_are_not(tmp_path: Path) -> None:
    wanted = {
        pretending(tmp_path / "bin" / "python3.12", release="3.12.1"),
        pretending(tmp_path / "pyenv" / "versions" / "3.13.0" / "bin" / "python", release="3.13.0"),
        pretending(tmp_path / "uv" / "cpython-3.14t" / "bin" / "python3.14t", release="3.14.0"),
    }
    shims = tmp_path / "pyenv" / "shims"
    program(shims / "python3.12", "exit 127")
    program(tmp_path / "bin" / "python3.12-config", "exit 1")

    got = set(
        candidates(
            {
                "PATH": os.pathsep.join([str(shims), str(tmp_path / "bin"), str(tmp_path / "no folder")]),
                "PYENV_ROOT": str(tmp_path / "pyenv"),
                "UV_PYTHON_INSTALL_DIR": str(tmp_path / "uv"),
            }
        )
    )

    assert got - {Path(sys.executable)} == wanted


def test_project_declares_what_environments_get() -> None:
    declared = Declared.read()

    assert {"pytest>=8.2", "hypothesis>=6.100"} <= set(declared.required)
    assert any(one.startswith("uvloop") for one in declared.optional)
    assert not set(declared.required) & set(declared.optional)


@pytest.mark.parametrize(
    ("classifiers", "groups", "sentence"),
    [
        pytest.param("", "", "no version is supported; add", id="no_version"),
        pytest.param(
            '"Programming Language :: Python :: 3.12"', "a = []", "has no 'contexts'", id="no_group"
        ),
    ],
)
def test_wrong_declaration_says_what_to_write(
    classifiers: str, groups: str, sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(f"[project]\nclassifiers = [{classifiers}]\n[dependency-groups]\n{groups}\n", "utf-8")

    with pytest.raises(DeclarationError, match=sentence):
        Declared.read(file)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """A new environment of the running interpreter."""
    assert HERE is not None
    made = Environment(HERE, tmp_path / "environment")
    made.create()
    return made


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all the installer knows of the world."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def wheel(folder: Path, name: str, *, tag: str = "py3-none-any", needs: str = "") -> None:
    """Write a wheel that holds a version and what it needs."""
    information = f"{name}-1.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
    files = {
        f"{information}/METADATA": metadata + (f"Requires-Dist: {needs}\n" if needs else ""),
        f"{information}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    with zipfile.ZipFile(folder / f"{name}-1-{tag}.whl", "w") as file:
        for path, text in files.items():
            file.writestr(path, text)
        rows = [f"{path},,\n" for path in (*files, f"{information}/RECORD")]
        file.writestr(f"{information}/RECORD", "".join(rows))


@pytest.mark.slow
def test_package_without_a_wheel_is_left_out_by_name_and_the_others_are_there(
    environment: Environment, wheels: Path
) -> None:
    for name in ("base", "pure"):
        wheel(wheels, name)
    wheel(wheels, "loop", tag="cp27-cp27m-win32")
    wheel(wheels, "kernel", needs="loop")

    left_out = environment.install(None, ["base"], ["pure>=1", "loop>=0.5; python_version>'3'", "kernel"])

    assert left_out == {"loop": "has no wheel", "kernel": "needs loop, which has no wheel"}
    installed = {path.name for path in environment.python.parents[1].rglob("*.dist-info")}
    assert {"base-1.dist-info", "pure-1.dist-info"} <= installed


def test_package_that_cannot_be_installed_for_another_reason_is_an_error(
    environment: Environment, wheels: Path
) -> None:
    wheel(wheels, "base")
    (wheels / "torn-1-py3-none-any.whl").write_bytes(b"no wheel at all")

    with pytest.raises(InstallError, match="torn cannot be installed"):
        environment.install(None, ["base"], ["torn"])


def test_required_package_that_is_missing_is_an_error(environment: Environment, wheels: Path) -> None:
    with pytest.raises(InstallError, match="No matching distribution found for base"):
        environment.install(None, ["base"], [])


def test_environment_is_made_anew_only_for_another_release(tmp_path: Path) -> None:
    assert HERE is not None
    folder = tmp_path / "environment"
    Environment(HERE, folder).create()
    (folder / "kept").touch()

    Environment(HERE, folder).create()
    assert (folder / "kept").exists()

    older = Interpreter(HERE.executable, (3, 11, 0), "3.11.0")
    Environment(older, folder).create()
    assert not (folder / "kept").exists()


def test_gil_stays_off_in_environments_of_free_threaded_builds(tmp_path: Path) -> None:
    without_gil = Interpreter("python3.14t", (3, 14, 0), "3.14.0", free_threaded=True)

    assert Environment(without_gil, tmp_path).variables["PYTHON_GIL"] == "0"


class ThisEnvironment(Environment):
    """The environment that the tests run in."""

    def __init__(self, folder: Path) -> None:
        assert HERE is not None
        super().__init__(HERE, folder)

    @property
    def python(self) -> Path:
        """The interpreter that runs this."""
        return Path(sys.executable)


def test_suites_count_what_came_of_them(tmp_path: Path) -> None:
    contexts = Suite(
        "contexts",
        lambda folder: (
            *SUITES["contexts"].command(folder),
            *("--context", "plain_script", "--probe", "returns_the_async_value"),
        ),
        SUITES["contexts"].count,
    )
    stress = Suite(
        "stress",
        lambda folder: (*SUITES["stress"].command(folder), "-k", "crowd_of_first_callers"),
        SUITES["stress"].count,
    )

    results = [
        run_suite(suite, ThisEnvironment(tmp_path), tmp_path / suite.name, project=ROOT, complete=True)
        for suite in (contexts, stress)
    ]

    assert [(result.verdict, result.counts) for result in results] == [
        (Verdict.PASS, {"pass": len(Registry().entry_points())}),
        (Verdict.PASS if sys.platform != "win32" else Verdict.NOTHING, {"pass": 1}),
    ]


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        pytest.param("raise SystemExit(3)", Verdict.FAIL, id="fails"),
        pytest.param("print('fine')", Verdict.NOTHING, id="passes_without_a_single_pass"),
    ],
)
def test_suite_that_ends_in_another_way_does_not_pass(script: str, verdict: Verdict, tmp_path: Path) -> None:
    (tmp_path / "matrix.json").write_text('{"outcomes": {"pass": 1}, "controls": {"total": 0}}', "utf-8")
    suite = Suite("contexts", lambda _folder: ("-c", script), SUITES["contexts"].count)

    result = run_suite(suite, ThisEnvironment(tmp_path), tmp_path, project=ROOT, complete=True)

    assert (result.verdict, result.counts) == (verdict, {})


@needs_posix
@pytest.mark.parametrize(
    ("on_interrupt", "left"),
    [
        pytest.param("pathlib.Path('left').write_text('cleaned up')", "cleaned up", id="ends_itself"),
        pytest.param("time.sleep(60)", "", id="is_killed"),
    ],
)
def test_ctrl_c_ends_the_suite_first(on_interrupt: str, left: str, tmp_path: Path) -> None:
    script = f"""
import os, pathlib, signal, time
os.kill(os.getppid(), signal.SIGINT)
try:
    while True:
        signal.pause()
except KeyboardInterrupt:
    {on_interrupt}
"""
    child = run_child(
        """
        import pathlib, sys, time
        from matrix.interpreters import suites
        from matrix.interpreters.environment import Environment
        from matrix.interpreters.found import ask

        script, folder = sys.argv[1], pathlib.Path(sys.argv[2])
        here = ask(pathlib.Path(sys.executable))
        environment = Environment(here, folder)
        environment.python.parent.mkdir()
        environment.python.symlink_to(here.executable)
        suites.LAST_WISH = 1
        suite = suites.Suite("any", lambda folder: ("-c", script), lambda folder: {})
        try:
            suites.run_suite(suite, environment, folder, project=folder, complete=True)
        except KeyboardInterrupt:
            print("interrupted")
        """,
        arguments=(script, str(tmp_path)),
    )

    assert child.check().lines == ["interrupted"]
    assert ((tmp_path / "left").read_text("utf-8") if left else "") == left


def test_version_that_nobody_knows_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--python", "2.7", "--list"]) == 2
    assert (
        "--python 2.7 is neither declared nor found; write a path, or one of 3.11" in capsys.readouterr().err
    )


def test_path_of_no_interpreter_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--python", __file__, "--list"]) == 2
    assert "this is no CPython 3.11 or later" in capsys.readouterr().err


def test_missing_versions_are_named_and_red_in_ci_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("PATH", "HOME", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))

    monkeypatch.delenv("CI", raising=False)
    assert main(["--list"]) == 0
    assert "not found" in capsys.readouterr().out

    monkeypatch.setenv("CI", "true")
    assert main(["--list"]) == 1
    assert "in CI every supported version has to be there" in capsys.readouterr().out


def test_table_shows_every_version_and_suite() -> None:
    python = Interpreter("python3.15", (3, 15, 0), "3.15.0")
    rows = [
        Row("3.11"),
        Row(
            "3.15",
            python,
            {"contexts": Result(Verdict.PASS, {"pass": 3, "skip": 2}), "stress": Result(Verdict.FAIL)},
            {"uvloop": "has no wheel"},
        ),
    ]

    assert as_table(rows, ["contexts", "stress"]) == (
        "| Python        | contexts             | stress    | left out            |\n"
        "| ------------- | -------------------- | --------- | ------------------- |\n"
        "| 3.11          | not found            | not found |                     |\n"
        "| 3.15 (3.15.0) | pass: 3 pass, 2 skip | FAIL      | uvloop has no wheel |\n"
    )
    assert [row.is_red for row in rows] == [False, True]
