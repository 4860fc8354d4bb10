"""Where a known failure is known: a PEP 508 marker and package versions, held against what a run ran on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

# `packaging` is imported where a condition is read: most runs have none, and it takes 35 ms.
if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.markers import Marker
    from packaging.requirements import Requirement

__all__ = ("Condition", "ConditionError", "Environment")

# What a marker may ask of a run. PEP 508 knows more, which no fingerprint holds.
VARIABLES = (
    "implementation_name",
    "implementation_version",
    "os_name",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "python_full_version",
    "python_version",
    "sys_platform",
)
_UNKNOWABLE = re.compile(r"\b(extras?|dependency_groups|platform_version)\b")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


class ConditionError(ValueError):
    """A marker or requirement cannot be read; the text says what to write."""


@dataclass(frozen=True)
class Environment:
    """What a run ran on, in the words of markers.

    Attributes:
        markers: the value of each of ``VARIABLES``.
        packages: versions by distribution name.
    """

    markers: Mapping[str, str]
    packages: Mapping[str, str]

    @classmethod
    def of(cls, fingerprint: Mapping[str, object]) -> Environment:
        """Return the environment that a fingerprint describes, of this machine or another."""
        python = str(fingerprint["python"])
        implementation = str(fingerprint["implementation"])
        packages = fingerprint.get("packages", {})
        assert isinstance(packages, dict)
        markers = {
            "implementation_name": implementation.lower(),
            "implementation_version": python,
            "os_name": str(fingerprint["os_name"]),
            "platform_machine": str(fingerprint["machine"]),
            "platform_python_implementation": implementation,
            "platform_release": str(fingerprint["release"]),
            "platform_system": str(fingerprint["system"]),
            "python_full_version": python,
            "python_version": ".".join(python.split(".")[:2]),
            "sys_platform": str(fingerprint["sys_platform"]),
        }
        return cls(markers, {_canonical(name): str(version) for name, version in packages.items()})


@dataclass(frozen=True)
class Condition:
    """A marker, and packages in versions; all of it must be true. Empty, it always holds.

    Attributes:
        marker: as after the semicolon of a PEP 508 requirement: ``python_version < '3.12'``.
        packages: PEP 508 requirements: ``ipykernel<7``; one that is not installed is not met.
    """

    marker: str = ""
    packages: tuple[str, ...] = field(default=())

    def verify(self) -> None:
        """Read marker and requirements.

        Raises:
            ConditionError: one of them is wrong, or asks what is not known of a run.
        """
        self._marker()
        self._requirements()

    @property
    def distributions(self) -> list[str]:
        """The packages whose versions this asks for."""
        return [requirement.name for requirement in self._requirements()]

    def holds_in(self, environment: Environment) -> bool:
        """Whether this is true of an environment."""
        marker = self._marker()
        if marker is not None and not marker.evaluate(dict(environment.markers)):
            return False
        for requirement in self._requirements():
            version = environment.packages.get(_canonical(requirement.name))
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                return False
        return True

    def _marker(self) -> Marker | None:
        if not self.marker:
            return None
        unknowable = _UNKNOWABLE.search(_QUOTED.sub("", self.marker))
        if unknowable is not None:
            raise ConditionError(
                f"{unknowable[0]!r} is not known of a run; write one of {', '.join(VARIABLES)}"
            )
        from packaging.markers import InvalidMarker, Marker

        try:
            return Marker(self.marker)
        except InvalidMarker as error:
            told = " ".join(str(error).split())
            raise ConditionError(
                f"not a PEP 508 marker: {told}; write, for example, python_version < '3.12'"
            ) from error

    def _requirements(self) -> list[Requirement]:
        if not self.packages:
            return []
        from packaging.requirements import InvalidRequirement, Requirement

        found = []
        for text in self.packages:
            try:
                requirement = Requirement(text)
            except InvalidRequirement as error:
                told = " ".join(str(error).split())
                raise ConditionError(f"{text!r} is no requirement: {told}; write NAME<VERSION") from error
            if requirement.extras or requirement.url or requirement.marker:
                raise ConditionError(f"{text!r} says more than a version; write NAME<VERSION")
            found.append(requirement)
        return found


def _canonical(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)
