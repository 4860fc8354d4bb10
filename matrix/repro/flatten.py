"""Definitions of several modules as one: those that are needed, each name once, imports on top."""

from __future__ import annotations

import builtins
import keyword
import sys
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from matrix.repro.sources import FlattenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from matrix.repro.sources import Definition, Imported, Module

__all__ = ("Flat", "flatten")

OURS = "matrix"
WIDTH = 100
"""Columns of an import and of a heading."""
GIVEN = frozenset(dir(builtins)) | {"__file__", "__name__"}


@dataclass(frozen=True)
class Flat:
    """What comes of it.

    Attributes:
        imports: the lines of the imports.
        sections: for each module that something is needed of, what it is about and its text; in order.
    """

    imports: tuple[str, ...]
    sections: tuple[tuple[str, str], ...]


@dataclass
class Needed:
    """What is needed so far; definitions by module, and what modules import from elsewhere.

    Attributes:
        modules: every module that something was asked of, by name.
        definitions: what is needed of each.
        external: which module asks for which import of other packages, and by which name.
        links: which name of which module means which definition of another one.
    """

    load: Callable[[str], Module]
    modules: dict[str, Module] = field(default_factory=dict)
    definitions: dict[str, list[Definition]] = field(default_factory=dict)
    external: dict[tuple[str, str], tuple[Imported, ...]] = field(default_factory=dict)
    links: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def ask(self, module_name: str, name: str, *, by: str) -> None:
        """Note that a name of a module is needed, and all that it needs."""
        asked = [(module_name, name, by)]
        while asked:
            module_name, name, by = asked.pop()
            asked += self._ask(module_name, name, by)

    def home_of(self, module_name: str, name: str) -> tuple[str, str]:
        """Return the module that defines what a name means in another one, and its name there."""
        while (module_name, name) in self.links:
            module_name, name = self.links[module_name, name]
        return module_name, name

    def _ask(self, module_name: str, name: str, by: str) -> Iterable[tuple[str, str, str]]:
        module = self.modules.setdefault(module_name, self.load(module_name))
        definition = module.definition_of(name)
        if definition is not None:
            wanted = self.definitions.setdefault(module_name, [])
            if definition in wanted:
                return []
            wanted.append(definition)
            where = f"{module.where}:{definition.statement.lineno}"
            return [(module_name, use.id, where) for use in definition.uses]
        imported = module.imports.get(name, ())
        if not imported:
            if name in GIVEN:
                return []
            raise FlattenError(f"{by}: {name!r} is defined nowhere in {module.where}")
        (first, *_) = imported
        if first.module.partition(".")[0] != OURS:
            self.external[module_name, name] = imported
            return []
        if not first.name:
            raise FlattenError(f"{by}: {name!r} is a whole module of the matrix; import its names instead")
        self.links[module_name, name] = (first.module, first.name)
        return [(first.module, first.name, by)]


def flatten(
    roots: Sequence[tuple[str, str]],
    load: Callable[[str], Module],
    *,
    order: Callable[[str], tuple[int, str]],
) -> Flat:
    """Return all that some names need, as one text.

    Args:
        roots: pairs of a module's name and a name in it; what they are called is kept.
        load: gives a module by its name.
        order: where a module's section stands; those that it needs when it is read have to come first.

    Raises:
        FlattenError: something cannot stand in one file.
    """
    needed = Needed(load)
    for module_name, name in roots:
        needed.ask(module_name, name, by="the script")
    modules = [needed.modules[name] for name in sorted(needed.definitions, key=order)]
    names = Names(needed, modules)
    sections = []
    for module in modules:
        renamed = names.in_module(module)
        wanted = sorted(needed.definitions[module.name], key=lambda one: one.lines)
        sections.append((_heading(module), _joined(module, wanted, renamed)))
    return Flat(tuple(names.imports()), tuple(sections))


class Names:
    """Who is called what: a name that two modules have is kept by the one that comes later."""

    def __init__(self, needed: Needed, modules: Sequence[Module]) -> None:
        self._needed = needed
        self._taken: dict[str, object] = {}
        self._imported: dict[tuple[str, str, str], str] = {}
        self._defined: dict[tuple[str, str], str] = {}
        self._wished = {
            needed.home_of(*link): link[1] for link in needed.links if link[1] != needed.links[link][1]
        }
        for module_name, name in needed.external:
            for one in needed.external[module_name, name]:
                self._import(one, name, module_name)
        for module in reversed(modules):
            for definition in needed.definitions[module.name]:
                for name in sorted(definition.names):
                    self._define(module, name)

    def in_module(self, module: Module) -> dict[str, str]:
        """Return the names of a module that are others in the script."""
        names = {
            name: self._defined[home]
            for home in self._defined
            if (name := home[1]) and home[0] == module.name
        }
        for module_name, name in self._needed.links:
            if module_name == module.name:
                home_module, home_name = self._needed.home_of(module_name, name)
                names[name] = self._name_at_home(home_module, home_name)
        for (module_name, name), imported in self._needed.external.items():
            if module_name == module.name:
                names[name] = self._imported[_key(imported[0])]
        return {name: final for name, final in names.items() if name != final}

    def imports(self) -> list[str]:
        """Return the imports, as a formatter would write them."""
        every = {one for imported in self._needed.external.values() for one in imported}
        at_run_time = {_key(one) for one in every if not one.only_for_types}
        for_types = {_key(one) for one in every} - at_run_time
        lines = self._lines(at_run_time | ({("typing", "TYPE_CHECKING", "")} if for_types else set()))
        if for_types:
            lines += ["", "if TYPE_CHECKING:", *(f"    {line}" for line in self._lines(for_types) if line)]
        return lines

    def _lines(self, keys: Iterable[tuple[str, str, str]]) -> list[str]:
        groups: dict[bool, list[str]] = {True: [], False: []}
        modules = [module for module, name, _ in keys if not name]
        plain = [
            f"import {self._as(module, (module, '', module.partition('.')[0]))}" for module in sorted(modules)
        ]
        by_module: dict[str, list[str]] = {}
        for module, name, extra in sorted(keys):
            if name:
                by_module.setdefault(module, []).append(self._as(name, (module, name, extra)))
        for line in [*plain, *(_from(module, found) for module, found in by_module.items())]:
            groups[_is_standard(line.split()[1])].append(line)
        return [*groups[True], *([""] if groups[True] and groups[False] else []), *groups[False]]

    def _as(self, name: str, key: tuple[str, str, str]) -> str:
        final = self._imported.get(key, name)
        return name if final in (name, name.partition(".")[0]) else f"{name} as {final}"

    def _import(self, one: Imported, name: str, by: str) -> None:
        key = _key(one)
        if key not in self._imported:
            self._imported[key] = self._free(name, ("import", key[0] if one.name else key[2], one.name), by)

    def _define(self, module: Module, name: str) -> None:
        home = (module.name, name)
        if home not in self._defined:
            self._defined[home] = self._free(self._wished.get(home, name), home, module.name)

    def _name_at_home(self, module_name: str, name: str) -> str:
        if (module_name, name) in self._defined:
            return self._defined[module_name, name]
        return self._imported[_key(self._needed.external[module_name, name][0])]

    def _free(self, name: str, owner: object, module_name: str) -> str:
        """Return a name that nobody else has, like the one that is wanted."""
        stem = module_name.rpartition(".")[2].strip("_")
        for candidate in (name, f"{name}_of_{stem}" if name.islower() else f"{name}_{stem.upper()}"):
            if self._taken.setdefault(candidate, owner) == owner and not keyword.iskeyword(candidate):
                return candidate
        raise FlattenError(f"{module_name}: {name!r} is the name of two things that one script needs")


def _from(module: str, names: Sequence[str]) -> str:
    """Return an import of names: constants, then classes, then functions, as formatters have them."""
    ordered = sorted(names, key=lambda name: (not name.isupper(), not name[:1].isupper(), name))
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= WIDTH:
        return line
    return f"from {module} import (\n{''.join(f'    {name},{chr(10)}' for name in ordered)})"


def _key(one: Imported) -> tuple[str, str, str]:
    """Return what an import is about: module, name, and what `import a.b` binds."""
    return (one.module, one.name, "" if one.name else one.module.partition(".")[0])


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def _heading(module: Module) -> str:
    first = module.about.partition("\n\n")[0].replace("\n", " ")
    return textwrap.fill(first, WIDTH)


def _joined(module: Module, wanted: Sequence[Definition], renamed: Mapping[str, str]) -> str:
    """Return definitions with empty lines between as a formatter would have them."""
    text, before = "", None
    for definition in wanted:
        if before is not None:
            adjacent = definition.lines[0] == before.lines[1]
            blocks = _is_block(definition) or _is_block(before)
            text += "\n" if adjacent else "\n\n\n" if blocks else "\n\n"
        text += module.text_of(definition, renamed)
        before = definition
    return text


def _is_block(definition: Definition) -> bool:
    return hasattr(definition.statement, "body")
