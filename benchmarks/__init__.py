"""What a sync call costs, here and in the field: ratios measured in one run on one machine.

Never a timed test: nothing here fails because a machine is slow. ``python -m benchmarks --help``.
"""
