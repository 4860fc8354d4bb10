"""The script of a cell: which definitions it needs, what is written for this cell alone, and their order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from matrix.chains import links_of, stated_facts
from matrix.model import limits_of
from matrix.registry import BUILT_IN
from matrix.repro.flatten import flatten
from matrix.repro.sources import FlattenError, Imported, Module, module_of, source_of
from matrix.targets import AGENT_RUNTIME, CONTROL, control_name

if TYPE_CHECKING:
    from matrix.model import Cell, Facts
    from matrix.registry import Registry

__all__ = ("body_of",)

INSIDE = "matrix.repro.inside"
WRITTEN = f"{INSIDE}.cell"
STAND_INS = {
    "Job": f"{INSIDE}.judge",
    "check_at_exit": f"{INSIDE}.late",
    **dict.fromkeys(
        (
            "AnyFunction",
            "Cell",
            "Expected",
            "Item",
            "OpenSession",
            "Refused",
            "Run",
            "Session",
            "Source",
            "expect",
            "observe",
        ),
        f"{INSIDE}.words",
    ),
}
"""What a script has in the place of ``matrix.model``."""

FOR_BRIDGES = {"Source": f"{INSIDE}.bridged"}
"""The same where the call goes through a peer or a control."""

ORDER = (
    f"{INSIDE}.words",
    f"{INSIDE}.bridged",
    "matrix.entry_points",
    "matrix.sessions",
    "matrix.peers",
    "matrix.controls",
    "matrix.probes",
    "matrix.contexts",
    f"{INSIDE}.telling",
    f"{INSIDE}.late",
    WRITTEN,
    f"{INSIDE}.judge",
    f"{INSIDE}.watch",
)
FOLDERS = ("contexts", "controls", "entry_points", "peers", "probes")


def body_of(registry: Registry, cell: Cell) -> str:
    """Return everything of a cell's script but its header.

    Raises:
        FlattenError: code of the cell cannot stand in one file.
    """
    sources = Sources(registry, cell)
    flat = flatten([(f"{INSIDE}.watch", "main")], sources.load, order=_order)
    sections = [_section(heading, text) for heading, text in flat.sections]
    for _, text in flat.sections:
        if any(line.startswith("from matrix.") for line in text.splitlines()):
            raise FlattenError(
                f"the host of {cell.context} starts a program that imports the matrix; perform the cell in"
                f" the checkout, with: python -m matrix run --cell {cell.id}"
            )
    last = 'if __name__ == "__main__":\n    sys.exit(main())\n'
    imports = "\n".join(("from __future__ import annotations", "", *flat.imports))
    return "\n\n\n".join([imports, *sections, last])


class Sources:
    """Gives modules by name: those of the registry, and what a script has in the place of the machine."""

    def __init__(self, registry: Registry, cell: Cell) -> None:
        self._registry = registry
        self._cell = cell

    def load(self, name: str) -> Module:
        """Return one module."""
        if name == "matrix.model":
            homes = (
                STAND_INS if self._cell.target in {AGENT_RUNTIME, CONTROL} else {**STAND_INS, **FOR_BRIDGES}
            )
            imports = {word: (Imported(home, word),) for word, home in homes.items()}
            return Module(name, "the words that a script has for matrix.model", "", (), (), imports)
        if name == WRITTEN:
            return module_of(name, written(self._registry, self._cell), "the script")
        _, _, path = (f"{INSIDE}.join" if name == "matrix.contexts._join" else name).partition(".")
        file = f"{path.replace('.', '/')}.py"
        own = path.partition(".")[0] in FOLDERS and (self._registry.root / file).is_file()
        return source_of(name, (self._registry.root if own else BUILT_IN) / file)


def written(registry: Registry, cell: Cell) -> str:
    """Return the module that is made for a cell: its name, its facts, and what is called."""
    context = registry.context(cell.context).statement
    name = control_name(cell.target)
    control = None if name is None else registry.control(name).statement
    limits = limits_of(context, registry.probe(cell.probe).statement, control)
    links = registry.links(cell.context)
    hosts = _hosts(cell)
    situation = "".join(
        _link(hosts[link.statement.name], facts)
        for link, facts in zip(links, stated_facts([one.statement for one in links]), strict=True)
    )
    imports, called = _called(registry, cell)
    return f'''"""What is judged here, and where."""
{"".join(f"from matrix.{line}" for line in imports)}
from matrix.repro.inside.words import Cell, Run

CELL = Cell({json.dumps(cell.id)})

LINKS = (
{situation})
"""How the situation comes about, from the outside in: by whom, and what is then true; any one of several."""

ENTER, LIMIT, EXIT = {limits.enter!r}, {limits.call!r}, {limits.exit!r}
"""Seconds that it may take until the situation has come about, the claim is judged, the process has ended."""


{called}'''


def _hosts(cell: Cell) -> dict[str, str]:
    """Return what brings each link of the situation about, by the link's name."""
    names = dict.fromkeys(links_of(cell.context))
    return {name: "host" if len(names) == 1 else f"host_of_{name}" for name in names}


def _link(host: str, facts: Facts) -> str:
    """Return one link, as Python that a formatter would leave as it is."""
    stated = "".join(
        f"            {json.dumps(fact)}: {value},\n" for fact, value in _situation(facts).items()
    )
    return f"    (\n        {host},\n        {{\n{stated}        }},\n    ),\n"


def _situation(facts: Facts) -> dict[str, str]:
    """Return what has to be true, as Python that a formatter would leave as it is."""
    loops = facts.running_loop
    if isinstance(loops, tuple):
        loop = "(\n" + "".join(f'                "{name}",\n' for name in loops) + "            )"
    else:
        loop = "None" if loops is None else json.dumps(loops)
    return {
        "running loop": loop,
        "current task": repr(facts.current_task),
        "main thread": repr(facts.main_thread),
        **{name: json.dumps(said) for name, said in facts.evidence.items()},
    }


def _called(registry: Registry, cell: Cell) -> tuple[list[str], str]:
    """Return imports, and the functions that give what the claim is held against."""
    session = registry.probe(cell.probe).statement.session
    entry_point, probe = f"entry_points.{cell.entry_point}", f"probes.{cell.probe}"
    hosts = [
        f"contexts.{name} import host{'' if host == 'host' else f' as {host}'}\n"
        for name, host in _hosts(cell).items()
    ]
    imports = [*hosts, f"probes.{cell.probe} import check\n"]
    ours = "open_session" if session else "call"
    if cell.target in {AGENT_RUNTIME, CONTROL}:
        imports.append(f"{entry_point} import {ours}\n")
        imports += [f"{entry_point} import call\n"] * session
        if cell.target == CONTROL:
            imports.append(f"{probe} import broken\n")
            ours = f"broken({ours})"
        return imports, _functions(f"return {ours}", "return call" if session else "")
    name = control_name(cell.target)
    bridge = f"peers.{cell.target}" if name is None else f"controls.{name}"
    imports += [f"{bridge} import call as bridge\n", f"{entry_point} import call_async\n"]
    bridged = "return lambda source, inputs: bridge(replace(source, native=call_async), inputs)"
    if not session:
        return [
            *imports[:-1],
            f"{entry_point} import call_async\nfrom dataclasses import replace\n",
        ], _functions(bridged)
    imports += [
        f"{bridge} import stream as bridge_stream\n",
        f"{entry_point} import open_session\n",
        "sessions import through_peer\nfrom dataclasses import replace\n",
    ]
    through = 'return through_peer(open_session, {"call": bridge, "stream": bridge_stream})'
    return imports, _functions(through, bridged)


def _functions(under_test: str, plain_call: str = "") -> str:
    text = f'''def under_test() -> Run:
    """Return what the claim is held against."""
    {under_test}
'''
    if not plain_call:
        return text + "\n\nplain_call = under_test\n"
    return f'''{text}

def plain_call() -> Run:
    """Return what a situation calls that is inside a call itself."""
    {plain_call}
'''


def _order(name: str) -> tuple[int, str]:
    """Return the place of a module: by its folder, and helpers of a folder before what they help."""
    place = next(number for number, part in enumerate(ORDER) if name == part or name.startswith(f"{part}."))
    folder, _, file = name.rpartition(".")
    return place, f"{folder}.{'' if file.startswith('_') else '~'}{file}"


def _section(heading: str, text: str) -> str:
    about = "\n".join(f"# {line}" for line in heading.splitlines())
    gap = "\n\n" if text.startswith(("def ", "async def ", "class ", "@")) else "\n"
    return f"# {'-' * 98}\n{about}\n{gap}{text}"
