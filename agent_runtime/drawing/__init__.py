"""A workflow as a picture: Mermaid for pages that draw it themselves, SVG for all others."""

from __future__ import annotations

from agent_runtime.drawing.figures import Drawing, Figure, Kind, Line, Link, drawing_of
from agent_runtime.drawing.mermaid import to_mermaid
from agent_runtime.drawing.svg import to_svg

__all__ = ("Drawing", "Figure", "Kind", "Line", "Link", "drawing_of", "to_mermaid", "to_svg")
