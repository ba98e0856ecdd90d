"""
Configuration as a document: TOML that says what the switches of a system database are to be.

Pure functions over records: :mod:`.reading` and :mod:`.writing` go between text and records,
:mod:`.difference` compares. Placements, login counts, tokens, members and the audit are no
configuration. The operations are in :mod:`iquila.admin.documents`.
"""
