"""
``iquila --client``: administration of a VEN client on the same machine, by its control socket.

The commands and the labels of their answers are those of ``vpncmd /CLIENT``.
"""

from __future__ import annotations

from attrs import evolve

from iquila.command.client import accounts, adapters, connecting, proofs, transfer, unserved
from iquila.command.definition import Command

CLIENT_COMMANDS: tuple[Command, ...] = tuple(
    evolve(command, client=True)
    for module in (accounts, connecting, proofs, transfer, adapters, unserved)
    for command in module.COMMANDS
)
