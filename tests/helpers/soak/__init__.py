"""Random chains of contexts: each link brings one about and goes on inside, down to one last call.

``python -m tests.helpers.soak --seed N`` walks what the number N makes; ``--chain A,B,C`` one.
"""
