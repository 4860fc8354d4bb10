"""Runs: a workflow linked to its code, and one object for each run in progress."""

__all__ = ()
