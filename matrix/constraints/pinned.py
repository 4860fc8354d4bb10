"""What a file of constraints says, for which machines, and what it lacks."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from matrix.constraints.wheels import left_out_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from matrix.constraints.declared import Wanted

__all__ = ("environments", "lacking", "merged", "pins_of", "trimmed")

_PLATFORMS = (
    {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux"},
    {"sys_platform": "darwin", "os_name": "posix", "platform_system": "Darwin"},
    {"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows"},
)
_MACHINES = ("x86_64", "aarch64", "arm64", "AMD64")


def environments(pythons: Iterable[str]) -> list[dict[str, str]]:
    """Return what markers can ask of CPython on the systems of CI, for each first and last release."""
    here = {key: str(value) for key, value in default_environment().items()}
    cpython = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    return [
        here
        | cpython
        | platform
        | {"platform_machine": machine, "extra": ""}
        | {"python_version": python, "python_full_version": f"{python}.{micro}"}
        for python, micro, platform, machine in product(pythons, ("0", "99"), _PLATFORMS, _MACHINES)
    ]


def pins_of(text: str) -> dict[str, list[Requirement]]:
    """Return the pins in a file of constraints by name; several where markers tell them apart."""
    pins: dict[str, list[Requirement]] = {}
    for one in _lines(text):
        pin = Requirement(one)
        pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    return pins


def trimmed(text: str, pythons: Sequence[str]) -> str:
    """Return a resolver's answer without what holds on none of these Pythons, nor markers that always do."""
    around = environments(pythons)
    kept = []
    for one in _lines(text):
        pin = Requirement(one)
        holds = [_holds(pin, each) for each in around]
        if all(holds):
            pin.marker = None
        if any(holds):
            kept.append(str(pin).replace("; ", " ; "))
    return "".join(f"{one}\n" for one in sorted(kept))


def merged(files: Mapping[tuple[str, ...], str]) -> str:
    """Return files of constraints as one, by the Pythons that each is for; pins that differ get a marker."""
    found: dict[str, dict[str, list[tuple[str, ...]]]] = {}
    for pythons, text in files.items():
        for name, pins in pins_of(text).items():
            for pin in pins:
                found.setdefault(name, {}).setdefault(f"{name}{pin.specifier}", []).append(pythons)
    lines = []
    for versions in found.values():
        for line, places in versions.items():
            names = [f"python_version == '{name}'" for pythons in places for name in pythons]
            lines.append(line if len(versions) == 1 else f"{line} ; {' or '.join(names)}")
    return "".join(f"{one}\n" for one in lines)


def lacking(wanted: Wanted, text: str) -> list[str]:
    """Return what a file does not say though something is required, or says against it, in sentences."""
    pins, left_out = pins_of(text), left_out_by(text)
    found: dict[str, None] = {}
    around = environments(wanted.pythons)
    for one in map(Requirement, wanted.requirements):
        for each in around:
            if one.name in left_out or not _holds(one, each):
                continue
            valid = [pin for pin in pins.get(canonicalize_name(one.name), ()) if _holds(pin, each)]
            if not valid:
                found[f"constraints/{wanted.name}.txt has no version of {one.name}"] = None
            for pin in valid:
                (specifier,) = pin.specifier
                if not one.specifier.contains(specifier.version, prereleases=True):
                    found[f"constraints/{wanted.name}.txt has {pin}, and pyproject.toml asks for {one}"] = (
                        None
                    )
    return list(found)


def _holds(requirement: Requirement, environment: Mapping[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(dict(environment))


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        said = line.partition("#")[0].strip()
        if said:
            yield said
