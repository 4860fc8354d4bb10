"""The same workflows of no-op steps in several workflow runtimes; ``python -m benchmarks.runtimes``."""
