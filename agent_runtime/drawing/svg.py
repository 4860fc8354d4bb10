"""A drawing as SVG: one file with a style of its own, light and dark, whose texts can be read aloud."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from agent_runtime.drawing.figures import Drawing, Figure, Kind, Link
from agent_runtime.drawing.layers import Arrangement, Box, arrange

__all__ = ("to_svg",)

_STYLE = """
svg {
  --paper: #ffffff; --ink: #1b1f24; --faint: #565e68; --edge: #6b7480; --agent: #fbe3b4;
  --function: #cfe9f7; --tool: #d5eee4; --workflow: #e5def0; --steps: #f3f4f6; --bad: #a33b00;
  --approval: #f6d5dc;
  background: var(--paper);
}
@media (prefers-color-scheme: dark) { svg {
  --paper: #14171b; --ink: #eceff3; --faint: #a9b2bd; --edge: #8b96a3; --agent: #5c4410;
  --function: #17465c; --tool: #16493b; --workflow: #41355c; --steps: #1e2329; --bad: #ff9d5c;
  --approval: #5a2733;
} }
text { fill: var(--ink); font: 13px system-ui, "DejaVu Sans", sans-serif; }
.id { font-weight: 600; }
.note { fill: var(--faint); font-size: 11.5px; }
.box { stroke: var(--edge); stroke-width: 1.2; }
.agent { fill: var(--agent); }
.function { fill: var(--function); }
.tool { fill: var(--tool); }
.workflow { fill: var(--workflow); }
.approval { fill: var(--approval); }
.steps, .parallel { fill: var(--steps); }
.conditional { stroke-dasharray: 6 4; }
.line { fill: none; stroke: var(--edge); stroke-width: 1.5; }
.standby { stroke-dasharray: 2 4; stroke: var(--bad); }
.tip { fill: var(--edge); }
.tip-standby { fill: var(--bad); }
.link { fill: var(--bad); font-size: 11.5px; paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
"""

_PADDING = 11.0
_LINE = 17.0
_MARGIN = 16.0

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Laid(NamedTuple):
    """A drawing whose boxes have places.

    Attributes:
        drawing: the drawing.
        figures: what is inside each of its figures, where something is.
        boxes: how large each is.
        arrangement: where each stands.
    """

    drawing: Drawing
    figures: tuple[_Laid | None, ...]
    boxes: tuple[Box, ...]
    arrangement: Arrangement


def to_svg(drawing: Drawing) -> str:
    """Return an SVG document; texts of the workflow are texts in it, whatever they hold."""
    laid = _lay_out(drawing)
    width, height = (round(side + 2 * _MARGIN, 1) for side in laid.arrangement.size)
    title, description = _escaped(drawing.title), _escaped(_description(drawing))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-labelledby="title description">'
    )
    tips = "".join(
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"'
        f' orient="auto"><path class="{name}" d="M0,0 L8,4 L0,8 Z"/></marker>'
        for name in ("tip", "tip-standby")
    )
    body = "\n".join(_body(laid, _MARGIN, _MARGIN))
    return (
        f'{head}\n<title id="title">{title}</title>\n<desc id="description">{description}</desc>\n'
        f"<style>{_STYLE}</style>\n<defs>{tips}</defs>\n{body}\n</svg>\n"
    )


def _lay_out(drawing: Drawing) -> _Laid:
    inside = tuple(None if each.inside is None else _lay_out(each.inside) for each in drawing.figures)
    boxes = tuple(_size_of(figure, laid) for figure, laid in zip(drawing.figures, inside, strict=True))
    lines = [(line.start, line.end) for line in drawing.lines]
    return _Laid(drawing, inside, boxes, arrange(boxes, lines))


def _size_of(figure: Figure, inside: _Laid | None) -> Box:
    texts = [text for text, _ in _texts_of(figure)]
    width = max(map(_width_of, texts)) + 2 * _PADDING + (16 if figure.kind is Kind.TOOL else 0)
    height = len(texts) * _LINE + 2 * _PADDING - 4
    if inside is None:
        return Box(max(width, 84.0), height)
    size = inside.arrangement.size
    return Box(max(width, size.width + 2 * _MARGIN), height + size.height + _MARGIN)


def _texts_of(figure: Figure) -> Iterator[tuple[str, str]]:
    """Yield the texts in a figure, each with its class."""
    yield figure.title, "id"
    yield f"{figure.kind.value} {figure.what}".rstrip(), ""
    yield from ((note, "note") for note in figure.notes)


def _width_of(text: str) -> float:
    """Guess how wide a text is: no font can be asked, so a wide one is taken for it."""
    return sum(14.0 if unicodedata.east_asian_width(each) in "WF" else 7.9 for each in text)


def _body(laid: _Laid, left: float, top: float) -> Iterator[str]:
    """Yield the boxes, and then the lines, so that no box covers one."""
    places = laid.arrangement.places
    for figure, inside, box, (x, y) in zip(
        laid.drawing.figures, laid.figures, laid.boxes, places, strict=True
    ):
        yield from _figure(figure, inside, box, left + x, top + y)
    for line, route in zip(laid.drawing.lines, laid.arrangement.routes, strict=True):
        points = [(left + x, top + y) for x, y in route]
        standby = line.link is not Link.NEEDS
        name, tip = ("line standby", "tip-standby") if standby else ("line", "tip")
        yield f'<path class="{name}" marker-end="url(#{tip})" d="{_curve(points)}"/>'
        if standby:
            (x, y), after = points[-1], 6
            yield f'<text class="link" x="{x + after:.1f}" y="{y - 9:.1f}">{line.link.value}</text>'


def _figure(figure: Figure, inside: _Laid | None, box: Box, x: float, y: float) -> Iterator[str]:
    conditional = " conditional" if figure.is_conditional else ""
    yield f'<g role="group" aria-label="{_escaped(", ".join(text for text, _ in _texts_of(figure)))}">'
    yield _shape(figure.kind, box, x, y, f"box {figure.kind.value}{conditional}")
    for number, (text, name) in enumerate(_texts_of(figure)):
        line = y + _PADDING + 9 + number * _LINE
        attributes = f'x="{x + box.width / 2:.1f}" y="{line:.1f}" text-anchor="middle"'
        yield f'<text class="{name or "what"}" {attributes}>{_escaped(text)}</text>'
    if inside is not None:
        size = inside.arrangement.size
        below = y + box.height - size.height - _MARGIN
        yield from _body(inside, x + (box.width - size.width) / 2, below)
    yield "</g>"


def _shape(kind: Kind, box: Box, x: float, y: float, name: str) -> str:
    """Draw the outline: each kind has a shape of its own, so that no colour has to be told from another."""
    width, height = box
    if kind is Kind.WORKFLOW:
        points = [(x + 10, y), (x + width - 10, y), (x + width, y + height / 2), (x + width - 10, y + height)]
        points += [(x + 10, y + height), (x, y + height / 2)]
        return f'<polygon class="{name}" points="{" ".join(f"{px:.1f},{py:.1f}" for px, py in points)}"/>'
    if kind is Kind.APPROVAL:  # as a stop sign has them, its corners are cut
        cut = 9.0
        wide, high = f"{width - 2 * cut:.1f}", f"{height - 2 * cut:.1f}"
        path = f"M{x + cut:.1f},{y:.1f} h{wide} l{cut},{cut} v{high} l-{cut},{cut} h-{wide} l-{cut},-{cut} Z"
        return f'<path class="{name}" d="{path}"/>'
    radius = {Kind.AGENT: min(20.0, height / 2), Kind.STEPS: 3.0, Kind.PARALLEL: 3.0}.get(kind, 4.0)
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    outline = f'<rect class="{name}" {place} rx="{radius:.1f}"/>'
    if kind is Kind.TOOL:
        sides = f"M{x + 6:.1f},{y:.1f} v{height:.1f} M{x + width - 6:.1f},{y:.1f} v{height:.1f}"
        outline += f'<path class="line" d="{sides}"/>'
    return outline


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Join points: upright where a line passes a layer, bent between layers."""
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        bend = (y1 - y0) / 2
        path += f" C{x0:.1f},{y0 + bend:.1f} {x1:.1f},{y1 - bend:.1f} {x1:.1f},{y1:.1f}"
    return path


def _description(drawing: Drawing) -> str:
    """Say in words what is to be seen, for those who do not see it."""
    names = [figure.title for figure in drawing.figures]
    told = [f"{len(names)} steps: {', '.join(names)}." if len(names) != 1 else f"One step: {names[0]}."]
    for line in drawing.lines:
        verb = {Link.NEEDS: "waits for", Link.FALLBACK: "is the fallback of", Link.COMPENSATE: "undoes"}[
            line.link
        ]
        told.append(f"{names[line.end]} {verb} {names[line.start]}.")
    return " ".join([*([drawing.description] if drawing.description else []), *told])


def _escaped(text: str) -> str:
    """Write text so that XML takes it for nothing else; what XML cannot hold becomes a question mark."""
    text = _NOT_XML.sub("?", " ".join(text.split()))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
