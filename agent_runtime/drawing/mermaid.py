"""A drawing as Mermaid's flowchart: for Markdown pages whose host draws it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent_runtime.drawing.figures import Drawing, Figure, Kind, Link

__all__ = ("to_mermaid",)

_SHAPES = {
    Kind.AGENT: ("([", "])"),
    Kind.FUNCTION: ("[", "]"),
    Kind.TOOL: ("[[", "]]"),
    Kind.APPROVAL: ("{", "}"),
    Kind.WORKFLOW: ("{{", "}}"),
}
_ARROWS = {
    Link.NEEDS: "-->",
    Link.FALLBACK: '-. "on failure" .->',
    Link.COMPENSATE: '-. "undone by" .->',
}
_SPECIAL = re.compile(r"[^\w .,:()/+-]")
"""Everything that Mermaid, or HTML in it, could take for more than text."""

_LIST = re.compile(r"^(\d*)([.)+-])(?=[ ]|$)")
"""The beginning of an item in Markdown, which Mermaid refuses to show."""


def to_mermaid(drawing: Drawing) -> str:
    """Return the text of a flowchart; its names are numbers: nothing of a file is taken for syntax."""
    lines = [
        "flowchart TD",
        f"  accTitle: {_bare(drawing.title)}",
        f"  accDescr: {_bare(drawing.description) or 'The steps of the workflow, and what each waits for.'}",
    ]
    lines += _body(drawing, "s", "  ")
    if any(figure.is_conditional for figure in drawing.every_figure()):
        lines.append("  classDef conditional stroke-dasharray: 5 3")
    return "\n".join(lines) + "\n"


def _body(drawing: Drawing, name: str, indent: str) -> Iterator[str]:
    for number, figure in enumerate(drawing.figures):
        own = f"{name}{number}"
        label = "<br/>".join(map(_escaped, _label_of(figure)))
        if figure.inside is not None:
            yield f'{indent}subgraph {own}["{label}"]'
            yield from _body(figure.inside, f"{own}_", f"{indent}  ")
            yield f"{indent}end"
        else:
            opening, closing = _SHAPES[figure.kind]
            yield f'{indent}{own}{opening}"{label}"{closing}'
        if figure.is_conditional:
            yield f"{indent}class {own} conditional"
    for line in drawing.lines:
        yield f"{indent}{name}{line.start} {_ARROWS[line.link]} {name}{line.end}"


def _label_of(figure: Figure) -> Iterator[str]:
    yield figure.title
    yield f"{figure.kind.value} {figure.what}".rstrip()
    yield from figure.notes


def _escaped(text: str) -> str:
    """Write what is special as Mermaid's entities: ``#`` and the character's number."""
    text = _SPECIAL.sub(lambda found: f"#{ord(found[0])};", " ".join(text.split()))
    return _LIST.sub(lambda found: f"{found[1]}#{ord(found[2])};", text)


def _bare(text: str) -> str:
    """Leave out what is special, where Mermaid knows no entities."""
    return " ".join(_SPECIAL.sub(" ", text).split())
