"""One file, one bridge of somebody else: ``PEER`` and ``call(source, inputs)``."""
