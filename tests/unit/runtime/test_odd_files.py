"""Paths that lead to anything but a plain file, and files in odd encodings."""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path

import pytest

from agent_runtime import WorkflowError, load_workflow

TEXT = "name: odd\nsteps:\n  - {id: a, tool: t}\n"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no such files")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xef\xbb\xbf" + TEXT.encode(), id="byte_order_mark"),
        pytest.param(TEXT.encode("utf-16"), id="utf_16"),
        pytest.param(TEXT.replace("\n", "\r\n").encode(), id="crlf"),
        pytest.param(TEXT.replace("\n", "\r").encode(), id="cr"),
    ],
)
def test_file_as_other_systems_write_it_is_read(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_bytes(data)

    assert load_workflow(file).name == "odd"


def test_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(TEXT)
    (tmp_path / "link").symlink_to(tmp_path / "w.yaml")

    assert load_workflow(tmp_path / "link").name == "odd"


def pipe(folder: Path) -> str:
    os.mkfifo(folder / "pipe")
    return str(folder / "pipe")


def listening(folder: Path) -> str:
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(folder / "s"))
    return str(folder / "s")


def link_to_itself(folder: Path) -> str:
    (folder / "round").symlink_to(folder / "round")
    return str(folder / "round")


def dangling(folder: Path) -> str:
    (folder / "dangling").symlink_to("/nowhere/at/all")
    return str(folder / "dangling")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(pipe, "this is not a regular file; read it, and pass the text", id="pipe_nobody_writes"),
        pytest.param(listening, "this is not a regular file", id="socket"),
        pytest.param(lambda _: "/dev/zero", "this is not a regular file", id="endless_device"),
        pytest.param(str, "this is a folder", id="folder"),
        pytest.param(link_to_itself, "the file cannot be read", id="link_to_itself"),
        pytest.param(
            dangling, "there is no such file; it is a link to '/nowhere/at/all'", id="dangling_link"
        ),
        pytest.param(lambda _: "a\0b", r"a\x00b: the file cannot be read", id="nul_in_path"),
        pytest.param(lambda _: "a\x1b[31mb", r"a\x1b[31mb: there is no such file", id="escape_in_path"),
        pytest.param(lambda _: "x" * 5_000, "...: the file cannot be read", id="endless_path"),
        pytest.param(lambda _: "", "there is no such file", id="empty_path"),
    ],
)
def test_path_that_leads_to_no_file_ends_in_a_clear_error(make: object, message: str, tmp_path: Path) -> None:
    assert callable(make)

    with pytest.raises(WorkflowError, match=re.escape(message)):
        load_workflow(make(tmp_path))


def test_file_that_is_not_utf_8_is_refused_with_the_place(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_bytes("name: x\nid: caf\xe9\n".encode("latin-1"))

    with pytest.raises(WorkflowError, match=r"w\.yaml:2:8: the file is not UTF-8 here"):
        load_workflow(file)


def test_file_with_more_than_anybody_writes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    with file.open("wb") as hole:
        hole.truncate(10**9)

    with pytest.raises(WorkflowError, match="the file has more than 16000000 bytes"):
        load_workflow(file)
