"""
Tests with real processes, networks and peers; the only ones that open sockets or sleep.

Most need root and Debian's softether packages, and skip without them. With
``IQUILA_REQUIRE_SYSTEM=1`` in the environment a missing requirement is a failure.
"""
