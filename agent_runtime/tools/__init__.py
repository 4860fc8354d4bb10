"""Tools for agents: plain functions, described to a model by their type hints and docstrings.

Imported when the first agent names a tool, or a host asks for a name of this.
"""

from __future__ import annotations

from agent_runtime.tools.describe import Tool, describe_tool, tool, wire_name
from agent_runtime.tools.registry import ToolRegistry
from agent_runtime.tools.shapes import Faults, Field, Shape, record, shape_of

__all__ = (
    "Faults",
    "Field",
    "Shape",
    "Tool",
    "ToolRegistry",
    "describe_tool",
    "record",
    "shape_of",
    "tool",
    "wire_name",
)
