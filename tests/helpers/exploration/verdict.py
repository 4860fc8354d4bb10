"""What an experiment must have shown: the contract, as far as it can be held to at any opcode."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.helpers.exploration.disturbances import RAISES
from tests.helpers.exploration.experiment import Experiment, Observation, exceeds

__all__ = ("complaints_about",)

_DROPPED_BY_PYTHON = re.compile(
    # The async generator of a stream is freed, and its loop takes it off a list.
    r"Exception ignored [\w ]+:? <function WeakSet.__init__.<locals>._remove at "
    # A ``for`` loop over iterate() has been left: its generator is freed, and closes itself. Whoever wants
    # to hear of Ctrl-C then uses contextlib.closing(), as with every generator.
    r"|Exception ignored [\w ]+:? <generator object _items at "
)
"""How Python begins to say that it drops what a signal handler has raised while objects are being freed."""


def complaints_about(
    experiment: Experiment, seen: Observation, limits: Mapping[str, int], *, returncode: int, stderr: str
) -> list[str]:
    """Return in words what is not as promised; empty if all is well."""
    found = list(seen.complaints)
    disturbed = seen.place is not None
    if not disturbed or _is_dropped_by_python(experiment, seen, stderr):
        found += _about_value(seen)
    else:
        found += _about_outcome(experiment, seen)
    found += [f"the disturbance saw {report}" for report in seen.reports if report != "ok"]
    if experiment.section == "exit":
        found += _about_exit(experiment, returncode, stderr, disturbed=disturbed)
        return found
    found += [
        f"{seen.left[name]} {name} left, not {limits.get(name, 0)}" for name in exceeds(seen.left, limits)
    ]
    if experiment.disturbance == "sigint" and experiment.section != "close" and seen.unfinished:
        found.append(f"{seen.unfinished} of the work had not cleaned up when the section was over")
    if returncode != 0 or (stderr and not _is_dropped_by_python(experiment, seen, stderr)):
        found.append(f"the process ended with {returncode} and said {stderr!r}")
    return found


def _is_dropped_by_python(experiment: Experiment, seen: Observation, stderr: str) -> bool:
    """Whether what a signal handler raised came up where Python can only print it."""
    raises = RAISES.get(experiment.disturbance)
    return (
        raises is not None
        and seen.place is not None
        and seen.outcome == "3"
        and _DROPPED_BY_PYTHON.match(stderr) is not None
        and stderr.count("Exception ignored") == 1
        and raises in stderr.splitlines()[-1]
    )


def _about_value(seen: Observation) -> list[str]:
    return [] if seen.outcome == "3" else [f"{seen.outcome}, not 3"]


def _about_outcome(experiment: Experiment, seen: Observation) -> list[str]:
    """Return what is wrong with how the section ended.

    A disturbance that raises ends it with exactly that; a closed bridge, with its error or, if the call
    was through, with the value; all others leave no trace.
    """
    if experiment.section == "exit":
        return _about_value(seen)
    raises = RAISES.get(experiment.disturbance)
    allowed = [f"raised {raises}"] if raises else ["3"]
    if experiment.disturbance == "thread_closes":
        allowed.append("raised BridgeClosedError")
    if experiment.section == "fork" and raises:
        allowed.append("3")  # it came in the child, which says so to the parent
    return [] if seen.outcome in allowed else [f"{seen.outcome}, not {' or '.join(allowed)}"]


def _about_exit(experiment: Experiment, returncode: int, stderr: str, *, disturbed: bool) -> list[str]:
    """Return what is wrong with the end of the process.

    What a signal handler raises in an exit hook is printed by Python itself, as for any hook.
    """
    if disturbed and experiment.disturbance in RAISES:
        return [] if returncode in (0, 1, 130, -2) else [f"the process ended with {returncode}: {stderr}"]
    return [] if (returncode, stderr) == (0, "") else [f"the process ended with {returncode}: {stderr!r}"]
