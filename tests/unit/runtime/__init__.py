"""The runtime, promise by promise."""
