"""The registries: each file of contexts, entry_points, probes, peers and controls is found by its name.

A file that does not hold what its folder asks for is refused with what to write. Loading imports the
file and nothing more: hosts and peers are imported by the functions inside, when they run.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from matrix.broken import BrokenMatrixError
from matrix.chains import SEPARATOR, chained, links_of
from matrix.claims import wrong_claims
from matrix.model import AnyFunction, Context, Control, EntryPoint, Peer, Probe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

__all__ = ("BUILT_IN", "Entry", "Kind", "Registry", "RegistryError")

BUILT_IN = Path(__file__).parent

S = TypeVar("S", Context, EntryPoint, Probe, Peer, Control)


class RegistryError(BrokenMatrixError):
    """Files of a registry do not hold what their folder asks for; all of them are listed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


@dataclass(frozen=True)
class Kind(Generic[S]):
    """What a folder asks of its files: a statement, and functions with their parameters."""

    folder: str
    attribute: str
    type: type[S]
    functions: Mapping[str, tuple[str, ...]]
    optional: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry(Generic[S]):
    """One file of a registry: its statement and its functions."""

    statement: S
    functions: Mapping[str, AnyFunction]


_SOURCE = ("source", "inputs")
_CONTEXTS = Kind("contexts", "CONTEXT", Context, {"host": ("job",)})
_ENTRY_POINTS = Kind(
    "entry_points",
    "ENTRY_POINT",
    EntryPoint,
    {"call": _SOURCE, "call_async": _SOURCE},
    optional={"open_session": ("source",)},
)
_PROBES = Kind("probes", "PROBE", Probe, {"check": ("run",), "broken": ("run",)})
_PEERS = Kind("peers", "PEER", Peer, {"call": _SOURCE}, optional={"stream": _SOURCE})
_CONTROLS = Kind("controls", "CONTROL", Control, {"call": _SOURCE})


class Registry:
    """Everything that one root folder holds; an entry is loaded when it is first asked for.

    The folders are read once: what comes into them later needs another registry.
    """

    def __init__(self, root: Path = BUILT_IN) -> None:
        self.root = root.resolve()
        self._loaded: dict[tuple[str, str], object] = {}
        self._chains: dict[str, Entry[Context]] = {}
        self._names: dict[str, list[str]] = {}
        self._probes: dict[str, Probe] = {}

    def names(self, folder: str) -> list[str]:
        """Return the names of a folder's files, sorted; a leading underscore marks a helper."""
        if folder not in self._names:
            files = (self.root / folder).glob("*.py")
            self._names[folder] = sorted(file.stem for file in files if not file.stem.startswith("_"))
        return self._names[folder].copy()

    def context(self, name: str) -> Entry[Context]:
        """Return one context, or a chain of them, which :meth:`contexts` then has, too.

        Raises:
            RegistryError: its file, or that of a link, is refused.
            ChainError: a link is no context, or cannot be entered where it stands.
        """
        if SEPARATOR not in name:
            return self._entry(_CONTEXTS, name)
        if name not in self._chains:
            files = {one: self._entry(_CONTEXTS, one).statement for one in self.names(_CONTEXTS.folder)}
            chain = chained(name, files)
            self._chains[name] = Entry(chain, self.links(name)[0].functions)
        return self._chains[name]

    def links(self, name: str) -> list[Entry[Context]]:
        """Return the contexts in a chain, the outermost first; of a plain context, itself."""
        return [self._entry(_CONTEXTS, link) for link in links_of(name)]

    def entry_point(self, name: str) -> Entry[EntryPoint]:
        """Return one entry point; :class:`RegistryError` when its file is refused."""
        return self._entry(_ENTRY_POINTS, name)

    def probe(self, name: str) -> Entry[Probe]:
        """Return one probe; :class:`RegistryError` when its file is refused."""
        return self._entry(_PROBES, name)

    def peer(self, name: str) -> Entry[Peer]:
        """Return one peer; :class:`RegistryError` when its file is refused."""
        return self._entry(_PEERS, name)

    def control(self, name: str) -> Entry[Control]:
        """Return one control; :class:`RegistryError` when its file is refused."""
        return self._entry(_CONTROLS, name)

    def contexts(self) -> dict[str, Context]:
        """Return every context's statement by name, and of the chains those that were asked for."""
        names = [*self.names(_CONTEXTS.folder), *self._chains]
        return {name: self.context(name).statement for name in names}

    def entry_points(self) -> dict[str, EntryPoint]:
        """Return every entry point's statement by name."""
        return {name: self.entry_point(name).statement for name in self.names(_ENTRY_POINTS.folder)}

    def probes(self) -> dict[str, Probe]:
        """Return every probe's statement by name, in the order of the contract's promises."""
        if not self._probes:
            probes = [self.probe(name).statement for name in self.names(_PROBES.folder)]
            self._probes = {probe.name: probe for probe in sorted(probes, key=_by_promise)}
        return self._probes.copy()

    def peers(self) -> dict[str, Peer]:
        """Return every peer's statement by name."""
        return {name: self.peer(name).statement for name in self.names(_PEERS.folder)}

    def controls(self) -> dict[str, Control]:
        """Return every control's statement by name."""
        return {name: self.control(name).statement for name in self.names(_CONTROLS.folder)}

    def verify(self) -> None:
        """Load every file, and hold what controls say of probes and contexts against those.

        Raises:
            RegistryError: files are refused; the error lists all of them.
        """
        problems: list[str] = []
        loaders: dict[str, Callable[[str], object]] = {
            _CONTEXTS.folder: self.context,
            _ENTRY_POINTS.folder: self.entry_point,
            _PROBES.folder: self.probe,
            _PEERS.folder: self.peer,
            _CONTROLS.folder: self.control,
        }
        for folder, load in loaders.items():
            for name in self.names(folder):
                try:
                    load(name)
                except RegistryError as error:
                    problems += error.problems
        problems = problems or wrong_claims(self)
        if problems:
            raise RegistryError(problems)

    def _entry(self, kind: Kind[S], name: str) -> Entry[S]:
        known = self._loaded.get((kind.folder, name))
        if known is None:
            known = self._loaded[kind.folder, name] = self._load(kind, name)
        assert isinstance(known, Entry)
        return known

    def _load(self, kind: Kind[S], name: str) -> Entry[S]:
        path = self.root / kind.folder / f"{name}.py"
        if not path.is_file():
            raise RegistryError([f"{path}: there is no such file"])
        try:
            module = _import(self.root, kind.folder, name, path)
        except Exception as error:
            hint = "it must be importable without hosts and peers: import those inside the functions"
            raise RegistryError([f"{path}: {type(error).__name__}: {error}; {hint}"]) from error
        problems = [f"{path}: {problem}" for problem in _problems(kind, name, module)]
        if problems:
            raise RegistryError(problems)
        return Entry(
            getattr(module, kind.attribute),
            {
                function: getattr(module, function)
                for function in (*kind.functions, *kind.optional)
                if hasattr(module, function)
            },
        )


def _by_promise(probe: Probe) -> tuple[int, str]:
    number = probe.promise.removeprefix("S")
    return (int(number) if number.isdecimal() else 1000, probe.name)


def _import(root: Path, folder: str, name: str, path: Path) -> ModuleType:
    """Import a built-in file by its real name, any other under a name of its own."""
    if root == BUILT_IN.resolve():
        return importlib.import_module(f"matrix.{folder}.{name}")
    full_name = f"matrix_registry_{abs(hash(str(root)))}.{folder}.{name}"
    spec = importlib.util.spec_from_file_location(full_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[full_name] = module
    spec.loader.exec_module(module)
    return module


def _problems(kind: Kind[S], name: str, module: ModuleType) -> list[str]:
    """Return what is wrong with a file, each with what to write instead."""
    problems = []
    statement = getattr(module, kind.attribute, None)
    if not isinstance(statement, kind.type):
        write = f"{kind.attribute} = {kind.type.__name__}(name={name!r}, ...)"
        problems.append(f"{kind.attribute} is missing or not a {kind.type.__name__}; write {write}")
    elif statement.name != name:
        problems.append(
            f"{kind.attribute}.name is {statement.name!r}; write name={name!r}, or rename the file"
            f" to {statement.name}.py"
        )
    for function, parameters in _functions_of(kind, module).items():
        write = f"def {function}({', '.join(parameters)})"
        value = getattr(module, function, None)
        if not callable(value):
            problems.append(f"the function {function} is missing; write {write}")
        elif not _accepts(value, parameters):
            problems.append(f"{function}{inspect.signature(value)} cannot be called as such; write {write}")
    return problems


def _functions_of(kind: Kind[S], module: ModuleType) -> dict[str, tuple[str, ...]]:
    """Return the functions that are looked for in a file: what it must hold, and what it may hold."""
    there = {name: parameters for name, parameters in kind.optional.items() if hasattr(module, name)}
    return {**kind.functions, **there}


def _accepts(function: AnyFunction, parameters: tuple[str, ...]) -> bool:
    try:
        inspect.signature(function).bind(*parameters)
    except TypeError:
        return False
    return True
