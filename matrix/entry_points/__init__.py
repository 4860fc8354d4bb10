"""One file, one sync entry point: ``ENTRY_POINT``, ``call`` and its async variant ``call_async``."""
