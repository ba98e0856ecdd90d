"""
Administration: one table of operations, who may call them, and how they travel.

An operation is one definition (:mod:`.operation`); the modules named by subject hold them,
:mod:`.table` collects them, and :mod:`.jsonrpc` is the encoding on ``/api``.
"""
