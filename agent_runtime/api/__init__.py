"""The entry points: `run_workflow()`, `Runtime`, `Executor`, and their async variants."""

__all__ = ()
