"""
Benches: iquila beside other programs, in one run, round by round; ``bin/bench`` runs them.

A bench is a module with ``make(settings) -> Bench`` that is named in :mod:`.__main__`. Not tests:
nothing here passes or fails, except the tests of the arithmetic in ``test_*.py``.
"""
