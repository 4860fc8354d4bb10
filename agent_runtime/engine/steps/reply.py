"""What a language model has replied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ("Reply",)


class Reply(NamedTuple):
    """What a client has replied.

    Attributes:
        said: the whole of it.
        usage: what it took, with its cost where that is known.
    """

    said: dict[str, object]
    usage: Mapping[str, object] | None
