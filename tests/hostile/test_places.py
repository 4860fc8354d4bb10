"""Files in the folder of workflows, whose parts somebody changes while they are read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from agent_runtime import Options, Runtime, WorkflowError
from agent_runtime.loading.source import read_under

TEXT = "steps:\n  - {id: a, function: f}\n"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and folders are opened otherwise")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of workflows beside which something lies that is nobody's business."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "w.yaml").write_text(TEXT)
    inside = tmp_path / "workflows"
    (inside / "sub").mkdir(parents=True)
    (inside / "sub" / "w.yaml").write_text(TEXT)
    return Path(os.path.realpath(inside))


def test_file_is_read_part_by_part(folder: Path) -> None:
    assert read_under(str(folder), str(folder / "sub" / "w.yaml")).text == TEXT


@pytest.mark.parametrize("part", ["sub", "sub/w.yaml"])
def test_link_that_has_come_after_the_look_is_not_followed(part: str, folder: Path) -> None:
    outside = folder.parent / "outside"
    seen = folder / "sub" / "w.yaml"  # it was no link when it was looked at
    (folder / part).rename(folder.parent / "away")
    (folder / part).symlink_to(outside if part == "sub" else outside / "w.yaml")

    with pytest.raises(WorkflowError, match="the file cannot be read"):
        read_under(str(folder), str(seen))


def test_pipe_that_has_come_after_the_look_is_not_waited_for(folder: Path) -> None:
    (folder / "sub" / "w.yaml").unlink()
    os.mkfifo(folder / "sub" / "w.yaml")

    with pytest.raises(WorkflowError, match="this is not a regular file"):
        read_under(str(folder), str(folder / "sub" / "w.yaml"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("./../outside/w.yaml", "lies outside of the folder", id="up"),
        pytest.param("./sub/../../outside/w.yaml", "lies outside of the folder", id="down_and_up"),
        pytest.param("./link/w.yaml", "lies outside of the folder", id="link_to_a_folder"),
        pytest.param("./round", "the file cannot be read", id="link_to_itself"),
        pytest.param("/etc/passwd", "which is not registered", id="absolute"),
        pytest.param("sub/w.yaml", "for a file, write './sub/w.yaml'", id="without_a_dot"),
        pytest.param("./a\\0b", "which cannot be a path", id="nul"),
        pytest.param("./a\\nb", "there is no such file", id="line_break"),
        pytest.param("./\\e[31m", "'./\\x1b[31m'", id="terminal_colours"),
        pytest.param("./" + "x" * 5_000, "the file cannot be read", id="long"),
        pytest.param("./.", "this is a folder", id="folder"),
        pytest.param("./pipe", "this is not a regular file", id="pipe"),
    ],
)
def test_path_that_leads_anywhere_else_is_refused(name: str, message: str, folder: Path) -> None:
    (folder / "link").symlink_to(folder.parent / "outside")
    (folder / "round").symlink_to(folder / "round")
    os.mkfifo(folder / "pipe")

    with pytest.raises(WorkflowError) as caught:
        Runtime(f'steps: [{{id: a, workflow: "{name}"}}]\n', options=Options(workflow_folder=folder))

    assert message in str(caught.value)
    assert all(str(problem).isprintable() and problem.line for problem in caught.value.problems)


def test_file_whose_name_acts_on_a_terminal_is_named_without_effect(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31m.yaml").write_text("steps: 1\n")

    with pytest.raises(WorkflowError) as caught:
        Runtime(tmp_path / "a\x1b[31m.yaml")

    assert "a\\x1b[31m.yaml:1:8: 'steps' must be a list" in str(caught.value)
