"""
Whether frames arrive as they were sent and in order, whatever is cut on the way.

``python -m tests.integrity`` runs all modes, 1 GiB each; the test runs a part of that. Not for
speed: see :mod:`tests.bench`.
"""
