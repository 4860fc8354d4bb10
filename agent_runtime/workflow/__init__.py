"""What a workflow file says, as frozen data."""

__all__ = ()
