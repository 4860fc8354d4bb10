"""What a run hands out: its result, its events, its token usage."""

__all__ = ()
