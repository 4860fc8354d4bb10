"""What all errors have in common after which nothing that a run says can be believed."""

from __future__ import annotations

__all__ = ("BrokenMatrixError",)


class BrokenMatrixError(Exception):
    """The matrix itself is wrong: one of its files, or shards that make no whole. Exit code 3."""
