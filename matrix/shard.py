"""Shards: the cells of a run in parts for several machines, of about the same length, controls in each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from matrix.cells import SelectionError
from matrix.plan import does_not_apply, hosts_of
from matrix.targets import is_control

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matrix.costs import Costs
    from matrix.model import Cell
    from matrix.registry import Registry

__all__ = ("parse_shard", "shards_of")


def parse_shard(text: str) -> tuple[int, int]:
    """Return number and count of ``i/n``.

    Raises:
        ValueError: it is not two numbers, or the first is not one of the second.
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    number, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= count:
        raise ValueError(f"{text!r} is no shard; write i/n with i from 1 to n, for example 1/3")
    return number, count


def shards_of(registry: Registry, cells: Iterable[Cell], count: int, *, costs: Costs) -> list[list[Cell]]:
    """Return the cells in ``count`` parts, each in the order in which they came.

    Controls and near misses are in every part: they prove the probes where, and under the load under which,
    the other cells of that part run. The others are in one part each, and those that share a host stay
    together. The same checkout makes the same parts on every machine of one system: the costs come from a
    file, and the longest host goes first, to the part that has least to do.

    Raises:
        SelectionError: there are fewer hosts to share out than parts.
    """
    whole = list(cells)
    if count == 1:
        return [whole]
    hosts = hosts_of(registry, [cell for cell in whole if not is_control(cell.target)])
    if len(hosts) < count:
        most = f"write --shard i/{len(hosts)}" if len(hosts) > 1 else "leave out --shard"
        raise SelectionError(
            "controls run in every shard, and the other cells of this selection can be shared out among"
            f" {len(hosts)} at most; {most}"
        )
    weights = {}
    for host in hosts:
        # What means nothing here starts no host.
        runs = any(does_not_apply(registry, cell) is None for cell in host.cells)
        weights[host.cells] = costs.of(host) if runs else 0.0
    owner: dict[Cell, int] = {}
    loads = [(0.0, 0)] * count
    for host in sorted(hosts, key=lambda host: (-weights[host.cells], host.cells)):
        lightest = min(range(count), key=lambda number: (loads[number], number))
        seconds, performed = loads[lightest]
        loads[lightest] = (seconds + weights[host.cells], performed + len(host.cells))
        owner.update(dict.fromkeys(host.cells, lightest))
    # Whatever has no owner is a control.
    return [[cell for cell in whole if owner.get(cell, number) == number] for number in range(count)]
