"""``python -m matrix bisect``: real chains of toy contexts, real environments, and a real pip."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.bisection.environments import Installer, PlaceError, with_version
from matrix.bisection.search import Flip
from matrix.bisection.seen import Once, Seen
from matrix.bisection.text import lines_of_flipped, step
from matrix.bisection.versions import Flipped
from matrix.model import Cell, Outcome
from tests.helpers.registries import ENTRY_POINT
from tests.helpers.wheels import write_wheel

if TYPE_CHECKING:
    from tests.helpers.registries import Toy

LINK = "inside=Inside(keeps=('running_loop', 'main_thread'))"
MARKED = """
os.environ["MARKS"] = os.environ.get("MARKS", "") + {name!r}
for cell in job.cells:
    job.perform(cell)
"""
FAILS_IN_B_AND_D = """
run(None, {})
marks = os.environ.get("MARKS", "")
if "b" in marks and "d" in marks:
    raise ValueError("both are around it")
if "c" in marks and "d" not in marks:
    raise KeyError("another failure")
"""
FLAKY = """
from pathlib import Path
run(None, {{}})
seen = Path({path!r})
number = len(seen.read_text()) if seen.exists() else 0
seen.write_text("x" * (number + 1))
if number % 2 == 0:
    raise ValueError("now and then")
"""
NEEDS_WIDGET = """
run(None, {})
import widget
expect(got=widget.WORKS, wanted=True, of="widget.WORKS")
"""


@pytest.fixture
def chained(toy: Toy) -> Toy:
    """Contexts a to e that can all be links, and a probe that fails where b and d are among them."""
    toy.context("plain_script").probe("works", FAILS_IN_B_AND_D)
    for name in "abcde":
        toy.context(name, MARKED.format(name=name), more=LINK)
    return toy


def bisected(
    toy: Toy, context: str, *arguments: str, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict[str, object]]:
    """Run ``bisect --json``; return the exit code and what was printed."""
    cell = f"agent_runtime/toy/{context}/works"
    code = main(["bisect", cell, "--json", "--times", "1", *arguments, "--registry", str(toy.root)])
    return code, json.loads(capsys.readouterr().out)


def test_chain_is_reduced_to_the_links_that_its_failure_needs(
    chained: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = bisected(chained, "a+b+c+d+e", "--chain", capsys=capsys)

    assert code == 0
    assert found["links"] == ["b", "d"]
    assert found["smallest"] == "agent_runtime/toy/b+d/works"
    steps = found["steps"]
    assert isinstance(steps, dict)
    assert steps["a+b+c+d+e"]["outcomes"] == steps["b+d"]["outcomes"] == [found["failure"]]


def test_other_failure_on_the_way_is_not_taken_for_the_same(
    chained: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    _, found = bisected(chained, "b+c+d", "--chain", capsys=capsys)

    steps = found["steps"]
    assert isinstance(steps, dict)
    assert steps["c"]["outcomes"] != [found["failure"]]
    assert steps["c"]["outcomes"][0].startswith("fail ")
    assert found["links"] == ["b", "d"]


def test_reader_is_told_the_chain_and_how_to_repeat_it(
    chained: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = "agent_runtime/toy/a+b+d/works"

    assert main(["bisect", cell, "--chain", "--times", "2", "--registry", str(chained.root)]) == 0

    said = capsys.readouterr().out
    assert "  a+b+d: fail " in said
    assert "(2 times)" in said
    assert "the smallest chain: b+d; without any of its links it does not fail so" in said
    assert "both are around it" in said
    assert "python -m matrix run --cell agent_runtime/toy/b+d/works" in said


def test_failure_that_needs_no_context_says_so(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    toy.context("plain_script").probe("works", "run(None, {})\nraise ValueError")
    toy.context("a", more=LINK).context("b", more=LINK)

    code, found = bisected(toy, "a+b", "--chain", capsys=capsys)

    assert (code, found["links"], found["smallest"]) == (0, [], "agent_runtime/toy/plain_script/works")


def test_chain_in_which_the_cell_passes_has_nothing_to_shorten(
    chained: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = "agent_runtime/toy/a+b/works"

    assert main(["bisect", cell, "--chain", "--times", "1", "--registry", str(chained.root)]) == 1
    assert "nothing to shorten: a+b passes" in capsys.readouterr().out


def test_flaky_cell_is_called_so_and_no_search_goes_by_it(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context("plain_script").context("a", more=LINK).context("b", more=LINK)
    toy.probe("works", FLAKY.format(path=str(tmp_path / "seen")))
    cell = "agent_runtime/toy/a+b/works"

    assert main(["bisect", cell, "--chain", "--times", "4", "--registry", str(toy.root)]) == 1

    said = capsys.readouterr().out
    assert "a+b is flaky (fail " in said
    assert "pass 1x" in said
    assert "no search can go by it" in said


def test_chain_that_degenerates_breaks_the_search(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    toy.context("plain_script").context("a").context("b", "pass", more=LINK).probe("works")

    code, found = bisected(toy, "a+b", "--chain", capsys=capsys)

    assert (code, found["links"]) == (3, None)


# pip and venv


@pytest.fixture
def widgets(toy: Toy, tmp_path: Path) -> Path:
    """Wheels of a package that stops working with 1.3; the cell of ``toy`` needs it."""
    toy.context().probe("works", NEEDS_WIDGET)
    folder = tmp_path / "wheels"
    for number in range(6):
        write_wheel(folder, "widget", f"1.{number}", f"WORKS = {number < 3}\n")
    return folder


def pip_from(folder: Path) -> list[str]:
    return ["--package", "widget", "--no-index", "--find-links", str(folder)]


@pytest.mark.slow
def test_first_bad_version_of_a_package_is_found_in_real_environments(
    toy: Toy, widgets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = bisected(toy, "script", *pip_from(widgets), "--good", "1.0", "--bad", "1.5", capsys=capsys)

    assert code == 0
    assert found["row"] == ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"], "as pip has found them"
    assert (found["last_good"], found["first_bad"], found["between"]) == ("1.2", "1.3", [])
    steps = found["steps"]
    assert isinstance(steps, dict)
    assert steps["1.2"]["outcomes"] == ["pass"]
    assert "widget.WORKS: wanted True, got False" in steps["1.3"]["detail"]


@pytest.mark.slow
def test_version_that_repaired_it_is_found_where_the_good_one_is_newer(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe("works", NEEDS_WIDGET)
    folder = tmp_path / "wheels"
    for number in range(3):
        write_wheel(folder, "widget", f"1.{number}", f"WORKS = {number > 1}\n")
    cell = ["bisect", "agent_runtime/toy/script/works", "--times", "1", "--registry", str(toy.root)]

    assert main([*cell, *pip_from(folder), "--good", "1.2", "--bad", "1.0"]) == 0

    assert "it flips between widget 1.2 and 1.1: the first bad one is 1.1" in capsys.readouterr().out


@pytest.mark.slow
def test_version_that_cannot_be_installed_is_named_and_not_guessed(
    toy: Toy, widgets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (2, 3):
        write_wheel(widgets, "widget", f"1.{number}", "WORKS = True\n", needs="a-package-that-is-nowhere")

    code, found = bisected(
        toy, "script", *pip_from(widgets), "--versions", "1.0,1.1,1.2,1.3,1.4", capsys=capsys
    )

    steps = found["steps"]
    assert isinstance(steps, dict)
    assert code == 1
    assert (found["last_good"], found["first_bad"], found["between"]) == ("1.1", "1.4", ["1.2", "1.3"])
    assert "a-package-that-is-nowhere" in steps["1.2"]["detail"]


def test_row_that_does_not_flip_says_so(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    toy.context().probe("works")
    folder, name = os.path.split(sys.executable)
    same = [f"{folder}{os.sep}{name}", f"{folder}{os.sep}.{os.sep}{name}"]
    cell = ["bisect", "agent_runtime/toy/script/works", "--times", "1", "--registry", str(toy.root)]

    assert main([*cell, "--pythons", *same]) == 1

    assert "it does not flip: pass with Python" in capsys.readouterr().out


def test_reader_is_told_between_which_versions_nothing_is_known() -> None:
    cell = Cell("agent_runtime", "toy", "script", "works")
    passes, fails = Seen((Once(Outcome.PASS),)), Seen((Once(Outcome.FAIL, "5c1d09e2ab", "no value"),))
    seen = {"1.0": passes, "1.1": Seen((), "no wheel"), "1.2": fails}

    lines = lines_of_flipped(Flipped(cell, ("1.0", "1.1", "1.2"), seen, Flip(0, 2, (1,))), what="widget")

    assert lines == [
        "it flips after widget 1.0, and not after 1.2; between them nothing is told: 1.1",
        "  1.0: pass",
        "  1.2: fail 5c1d09e2ab: no value",
    ]
    assert step("1.1", seen["1.1"]) == "  1.1: not performed: no wheel"


@pytest.mark.slow
def test_environment_has_the_version_and_for_the_rest_what_this_one_has(
    widgets: Path, tmp_path: Path
) -> None:
    installer = Installer("widget", ("--no-index", f"--find-links={widgets}"))

    place = with_version(installer, "1.4", tmp_path / "environments")

    ask = "import sys, yaml, pytest, widget; print(sys.prefix, widget.__file__)"
    said = subprocess.run([place.python, "-I", "-c", ask], capture_output=True, text=True, check=True).stdout
    prefix, file = said.split()
    assert Path(prefix) != Path(sys.prefix)
    assert Path(file).is_relative_to(prefix)


@pytest.mark.slow
def test_environment_in_which_another_version_comes_first_is_refused(widgets: Path, tmp_path: Path) -> None:
    installer = Installer("widget", ("--no-index", f"--find-links={widgets}"))
    place = with_version(installer, "1.0", tmp_path / "environments")
    (packages,) = (tmp_path / "environments" / "1.0").rglob("site-packages")
    first = widgets / "widget-1.5-py3-none-any.whl"
    (packages / "first.pth").write_text(f"import sys; sys.path.insert(0, {str(first)!r})\n", encoding="utf-8")

    with pytest.raises(PlaceError, match=r"pip was to install widget==1\.2, and 1\.5 is what is imported"):
        installer.install(place.python, "1.2")


@pytest.mark.slow
def test_interpreter_where_it_flips_is_found_among_environments_that_are_there(
    toy: Toy, widgets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installer = Installer("widget", ("--no-index", f"--find-links={widgets}"))
    places = [with_version(installer, version, tmp_path) for version in ("1.0", "1.2", "1.5")]
    pythons = [str(place.python) for place in places]

    code, found = bisected(toy, "script", "--pythons", *pythons, capsys=capsys)

    assert code == 0
    assert (found["last_good"], found["first_bad"]) == (pythons[1], pythons[2])


def test_interpreter_that_cannot_run_the_matrix_breaks_the_search(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe("works").write("entry_points", "toy", f"import yaml\n{ENTRY_POINT}")
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    python = bare / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    code, found = bisected(toy, "script", "--pythons", sys.executable, str(python), capsys=capsys)

    steps = found["steps"]
    assert isinstance(steps, dict)
    assert code == 3
    assert "cannot run the matrix" in steps[str(python)]["detail"]
    assert "ModuleNotFoundError: No module named" in steps[str(python)]["detail"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("a", "--chain"), "a is one context; write a chain", id="one_context"),
        pytest.param(("a+x", "--chain"), "'x' is no context", id="no_context"),
        pytest.param(("a+b", "--chain", "--good", "1"), "leave them out with --chain", id="good_chain"),
        pytest.param(
            ("a", "--pythons", "x/y", "--versions", "1,2"), "write --package NAME", id="versions_of"
        ),
        pytest.param(("a", "--pythons", "3.12"), "two or more are needed", id="one_python"),
        pytest.param(("a", "--pythons", "1", "1"), "one stands there twice: 1, 1", id="twice"),
        pytest.param(
            ("a", "--package", "w", "--versions", "1,2", "--bad", "3"), "--bad 3 is not among 1, 2", id="bad"
        ),
        pytest.param(("a", "--package", "Agent_Runtime"), "performed from this checkout", id="ourselves"),
        pytest.param(
            ("a", "--package", "no-such-widget", "--no-index"), "No matching distribution", id="no_package"
        ),
    ],
)
def test_command_line_that_asks_for_nothing_that_can_be_is_refused(
    chained: Toy, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    context, *rest = arguments

    assert main(["bisect", f"agent_runtime/toy/{context}/works", *rest, "--registry", str(chained.root)]) == 2
    assert said in capsys.readouterr().err
