"""The controller's answer that sends a client to a member (reference §5.1)."""

from __future__ import annotations

from ipaddress import IPv4Address

from attrs import field, frozen

from iquila.errors import ProtocolError
from iquila.wire.pack import Pack

TICKET_SIZE = 20
MAX_PORTS = 128


@frozen
class Redirect:
    """
    Where to go, and the ticket that lets in there.

    :ivar address: 0.0.0.0 where the member has no IPv4 address (then only our client comes).
    :ivar certificate: exactly what the member's port shows, X.509 DER.
    :ivar hosts: own field: host names and IPv6 addresses, for our client.
    """

    address: IPv4Address
    ports: tuple[int, ...]
    ticket: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    message: str = ""
    hosts: tuple[str, ...] = ()

    def to_pack(self) -> Pack:
        """Return the pack."""
        pack = (
            Pack()
            .add_int("Redirect", 1)
            .add_ip("Ip", self.address)
            .add_int("Port", *self.ports[:MAX_PORTS])
            .add_data("Ticket", self.ticket)
            .add_data("Cert", self.certificate)
        )
        if self.message:
            pack.add_data("Msg", self.message.encode())
        return pack.add_str("iquila_hosts", *self.hosts)

    @classmethod
    def from_pack(cls, pack: Pack) -> Redirect:
        """
        Read the pack.

        :raises ProtocolError: what a redirect needs is missing.
        """
        address, ticket = pack.get_ip("Ip"), pack.get_data("Ticket")
        ports = tuple(p for p in pack.all_ints("Port")[:MAX_PORTS] if 0 < p < 65536)
        if not isinstance(address, IPv4Address) or len(ticket) != TICKET_SIZE or not ports:
            raise ProtocolError("The server's redirect is not complete.")
        return cls(
            address,
            ports,
            ticket,
            pack.get_data("Cert"),
            pack.get_data("Msg").decode("utf-8", "replace"),
            tuple(pack.all_strs("iquila_hosts")[:8]),
        )
