"""One file, one bridge that the probes must see through: ``CONTROL`` and ``call(source, inputs)``."""
