"""Registries of tools: filled by the host, and from packages' entry points when it asks for them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

import pytest

from agent_runtime import ToolRegistry, run_workflow, tool

POINTS = """
[acme.tools]
find = acme_tools:find
other = acme_other:gone
version = acme_tools:VERSION
"""
MODULE = 'VERSION = "1"\n\n\ndef find(customer: str) -> str:\n    return f"{customer} of acme"\n'


def find(customer: str) -> str:
    return customer


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that offers entry points, as an installer would have put it there."""
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(POINTS, encoding="utf-8")
    (tmp_path / "acme_tools.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "acme_tools", raising=False)
    return tmp_path


def test_registry_is_filled_by_the_names_of_functions_and_marks() -> None:
    @tool(name="crm.find")
    def marked() -> None: ...

    registry = ToolRegistry(find, marked)

    @registry.add
    def later() -> None: ...

    registry.add(lambda: 1, name="one")

    assert list(registry) == ["find", "crm.find", "later", "one"]
    assert (registry["find"], len(registry)) == (find, 4)


def test_registry_serves_as_tools_and_as_functions() -> None:
    text = "steps: [{id: a, tool: find, with: {customer: x}}, {id: b, function: find, with: {customer: y}}]\n"

    assert run_workflow(text, tools=ToolRegistry(find), functions=ToolRegistry(find)).outputs == {
        "a": "x",
        "b": "y",
    }


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="there is a tool 'find' already"):
        ToolRegistry(find, find)


def test_function_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="has no name of its own"):
        ToolRegistry(lambda: 1)


def test_what_is_not_callable_is_refused() -> None:
    with pytest.raises(TypeError, match="a tool is a callable, not int"):
        ToolRegistry(cast("Any", 3))


@pytest.mark.usefixtures("installed")
def test_entry_points_are_loaded_by_name_and_no_others() -> None:
    registry = ToolRegistry.from_entry_points("acme.tools", names=["find"])

    assert list(registry) == ["find"]
    assert registry["find"]("Ada") == "Ada of acme"
    assert "acme_other" not in sys.modules


@pytest.mark.usefixtures("installed")
def test_entry_point_that_there_is_not_is_said_before_anything_is_loaded() -> None:
    with pytest.raises(LookupError) as caught:
        ToolRegistry.from_entry_points("acme.tools", names=["fnd"])

    assert str(caught.value) == (
        "no installed package offers 'fnd' in 'acme.tools'; there is find, other, version"
    )
    assert "acme_tools" not in sys.modules


@pytest.mark.usefixtures("installed")
def test_entry_point_that_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match=r"'version' in 'acme\.tools' leads to str, which is not callable"):
        ToolRegistry.from_entry_points("acme.tools", names=["version"])


def test_entry_point_of_two_packages_is_refused(installed: Path) -> None:
    info = installed / "rival-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rival\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[acme.tools]\nfind = rival:find\n", encoding="utf-8")

    with pytest.raises(LookupError, match="is offered by several packages: acme, rival"):
        ToolRegistry.from_entry_points("acme.tools", names=["find"])


def test_one_text_is_no_list_of_names() -> None:
    with pytest.raises(TypeError, match="names= is a list of names"):
        ToolRegistry.from_entry_points("acme.tools", names="find")


def test_group_that_nobody_offers_is_empty() -> None:
    assert list(ToolRegistry.from_entry_points("nobody.offers.this")) == []
