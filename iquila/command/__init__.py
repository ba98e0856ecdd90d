"""The ``iquila`` command: administration from a shell, a client of the JSON-RPC API."""

from __future__ import annotations

import sys


def run() -> None:
    """Run the command line of this process and end it with the right status."""
    from iquila.command.main import main

    sys.exit(main(sys.argv[1:]))
