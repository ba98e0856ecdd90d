"""
The configuration file of a SoftEther server, for people who move over.

:mod:`.file` reads the file's format, whatever is in it; :mod:`.move` makes our configuration of
it, and says what cannot be carried over.
"""
