"""Places for boxes and the lines between them: layers from top to bottom, few crossings, no box on another.

Small and of its own, because what is well kept draws through a native program. Each box stands one layer
below the lowest one that leads to it; within a layer boxes are ordered by the mean place of their neighbours;
lines that pass a layer get a place in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

__all__ = ("Arrangement", "Box", "arrange")

GAP = 28.0
"""Between boxes of a layer."""

LAYER_GAP = 46.0
"""Between layers: room for the bend of a line."""

_SWEEPS = 6
"""Down and up again; more changes little in drawings of this kind. A guess."""

_MOST_CROSSED = 400
"""Layers that one line may pass with a place in each; longer ones go straight. A guess."""


class Box(NamedTuple):
    """How large something is."""

    width: float
    height: float


class Arrangement(NamedTuple):
    """Where everything stands.

    Attributes:
        places: left and top of each box.
        routes: for each line the points that it goes through, its ends included.
        size: of all of it.
    """

    places: tuple[tuple[float, float], ...]
    routes: tuple[tuple[tuple[float, float], ...], ...]
    size: Box


def arrange(boxes: Sequence[Box], lines: Sequence[tuple[int, int]]) -> Arrangement:
    """Place boxes in layers; the lines must not lead in a circle."""
    layer_of = _layers(len(boxes), lines)
    sizes = list(boxes)
    chains: list[list[int]] = []
    edges: list[tuple[int, int]] = []
    layers: list[list[int]] = [[] for _ in range(max(layer_of, default=-1) + 1)]
    for number, layer in enumerate(layer_of):
        layers[layer].append(number)
    for start, end in lines:
        chain = [start]
        between = range(layer_of[start] + 1, layer_of[end])
        for layer in between if len(between) <= _MOST_CROSSED else ():
            layers[layer].append(len(sizes))
            chain.append(len(sizes))
            sizes.append(Box(10.0, 0.0))
        chain.append(end)
        chains.append(chain)
        edges += list(pairwise(chain))
    _order(layers, edges)
    tops, xs = _tops(layers, sizes), _columns(layers, sizes, edges)
    height_of = [max((sizes[number].height for number in layer), default=0.0) for layer in layers]
    layer_by_number = {number: index for index, layer in enumerate(layers) for number in layer}
    routes = tuple(_route(chain, sizes, xs, tops, height_of, layer_by_number) for chain in chains)
    width = max((xs[number] + sizes[number].width / 2 for number in range(len(sizes))), default=0.0)
    height = tops[-1] + height_of[-1] if layers else 0.0
    places = tuple((xs[number] - box.width / 2, tops[layer_of[number]]) for number, box in enumerate(boxes))
    return Arrangement(places, routes, Box(width, height))


def _layers(count: int, lines: Sequence[tuple[int, int]]) -> list[int]:
    """Return the layer of each box: one below the lowest that leads to it."""
    after: list[list[int]] = [[] for _ in range(count)]
    left = [0] * count
    for start, end in lines:
        after[start].append(end)
        left[end] += 1
    layer = [0] * count
    ready = deque(number for number in range(count) if not left[number])
    while ready:
        number = ready.popleft()
        for other in after[number]:
            layer[other] = max(layer[other], layer[number] + 1)
            left[other] -= 1
            if not left[other]:
                ready.append(other)
    return layer


def _order(layers: list[list[int]], edges: Sequence[tuple[int, int]]) -> None:
    """Order each layer by the mean place of the neighbours in the layer before, down and up in turn."""
    above: dict[int, list[int]] = {}
    below: dict[int, list[int]] = {}
    for start, end in edges:
        above.setdefault(end, []).append(start)
        below.setdefault(start, []).append(end)
    for sweep in range(_SWEEPS):
        neighbours, order = (above, layers) if sweep % 2 == 0 else (below, layers[::-1])
        place = {number: float(index) for layer in layers for index, number in enumerate(layer)}
        for layer in order[1:]:
            means = {
                number: sum(place[other] for other in neighbours[number]) / len(neighbours[number])
                if number in neighbours
                else place[number]
                for number in layer
            }
            layer.sort(key=means.__getitem__)
            place.update((number, float(index)) for index, number in enumerate(layer))


def _tops(layers: list[list[int]], sizes: Sequence[Box]) -> list[float]:
    tops: list[float] = []
    top = 0.0
    for layer in layers:
        tops.append(top)
        top += max(sizes[number].height for number in layer) + LAYER_GAP
    return tops


def _columns(
    layers: list[list[int]], sizes: Sequence[Box], edges: Sequence[tuple[int, int]]
) -> dict[int, float]:
    """Return the middle of each box: near the mean of its neighbours, and never on another one."""
    xs: dict[int, float] = {}
    widest = max((_width(layer, sizes) for layer in layers), default=0.0)
    for layer in layers:
        left = (widest - _width(layer, sizes)) / 2
        for number in layer:
            xs[number] = left + sizes[number].width / 2
            left += sizes[number].width + GAP
    neighbours: dict[int, list[int]] = {}
    for start, end in edges:
        neighbours.setdefault(start, []).append(end)
        neighbours.setdefault(end, []).append(start)
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            wanted = [
                sum(xs[other] for other in neighbours[number]) / len(neighbours[number])
                if number in neighbours
                else xs[number]
                for number in layer
            ]
            widths = [sizes[number].width for number in layer]
            xs.update(zip(layer, _apart(wanted, widths), strict=True))
    least = min((xs[number] - sizes[number].width / 2 for number in xs), default=0.0)
    return {number: x - least for number, x in xs.items()}


def _width(layer: Sequence[int], sizes: Sequence[Box]) -> float:
    return sum(sizes[number].width for number in layer) + GAP * (len(layer) - 1)


def _apart(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Return places in this order, with gaps, as near to those wanted as the mean of two greedy ways is."""
    count = len(wanted)
    rights, lefts = list(wanted), list(wanted)
    for index in range(1, count):
        step = (widths[index - 1] + widths[index]) / 2 + GAP
        rights[index] = max(wanted[index], rights[index - 1] + step)
    for index in range(count - 2, -1, -1):
        step = (widths[index] + widths[index + 1]) / 2 + GAP
        lefts[index] = min(wanted[index], lefts[index + 1] - step)
    return [(right + left) / 2 for right, left in zip(rights, lefts, strict=True)]


def _route(
    chain: Sequence[int],
    sizes: Sequence[Box],
    xs: dict[int, float],
    tops: Sequence[float],
    heights: Sequence[float],
    layer_of: dict[int, int],
) -> tuple[tuple[float, float], ...]:
    """Return the points of a line: from the bottom of a box, past the layers between, to another's top."""
    start, *between, end = chain
    points = [(xs[start], tops[layer_of[start]] + sizes[start].height)]
    for number in between:
        layer = layer_of[number]
        points += [(xs[number], tops[layer]), (xs[number], tops[layer] + heights[layer])]
    return (*points, (xs[end], tops[layer_of[end]]))
