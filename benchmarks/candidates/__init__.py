"""Every candidate: the unit, ours, what people write by hand, and other libraries."""

from __future__ import annotations

import importlib.util

from benchmarks.candidates import by_hand, ours, peers
from benchmarks.model import Candidate

__all__ = ("CANDIDATES", "obstacle")

CANDIDATES: dict[str, Candidate] = {
    candidate.key: candidate for candidate in (*by_hand.CANDIDATES, *ours.CANDIDATES, *peers.CANDIDATES)
}


def obstacle(candidate: Candidate) -> str:
    """Return why a candidate cannot be measured here, or ""."""
    if candidate.needs and importlib.util.find_spec(candidate.needs) is None:
        return f"{candidate.needs} is not installed"
    return ""
