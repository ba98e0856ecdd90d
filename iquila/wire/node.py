"""
What a client tells of its machine in its login (reference §3.3).

The integers of this block hold little-endian numbers, unlike all others of the protocol.
"""

from __future__ import annotations

from ipaddress import IPv4Address

from attrs import frozen

from iquila.wire.pack import IPAddress, Pack

UNSET = IPv4Address(0)
_STRINGS = {
    "client_product_name": "ClientProductName",
    "server_product_name": "ServerProductName",
    "client_os_name": "ClientOsName",
    "client_os_version": "ClientOsVer",
    "client_os_product_id": "ClientOsProductId",
    "client_host_name": "ClientHostname",
    "server_host_name": "ServerHostname",
    "proxy_host_name": "ProxyHostname",
    "switch": "HubName",
}
_NUMBERS = {
    "client_product_version": "ClientProductVer",
    "client_product_build": "ClientProductBuild",
    "server_product_version": "ServerProductVer",
    "server_product_build": "ServerProductBuild",
    "client_port": "ClientPort",
    "server_port": "ServerPort2",
    "proxy_port": "ProxyPort",
}
_ADDRESSES = {
    "client_address": "ClientIpAddress",
    "server_address": "ServerIpAddress",
    "proxy_address": "ProxyIpAddress",
}
_STRING_KEYS = [wire.lower() for wire in _STRINGS.values()]
_NUMBER_KEYS = [wire.lower() for wire in _NUMBERS.values()]
_STRING_LIMIT = 63


@frozen
class NodeInformation:
    """A client's machine and its view of the connection. `unique_id` is 16 bytes."""

    client_product_name: str = ""
    server_product_name: str = ""
    client_os_name: str = ""
    client_os_version: str = ""
    client_os_product_id: str = ""
    client_host_name: str = ""
    server_host_name: str = ""
    proxy_host_name: str = ""
    switch: str = ""
    client_product_version: int = 0
    client_product_build: int = 0
    server_product_version: int = 0
    server_product_build: int = 0
    client_port: int = 0
    server_port: int = 0
    proxy_port: int = 0
    client_address: IPAddress = UNSET
    server_address: IPAddress = UNSET
    proxy_address: IPAddress = UNSET
    unique_id: bytes = b"\0" * 16

    def add_to(self, pack: Pack) -> Pack:
        """Add all fields to a pack that does not have them."""
        for name, wire in _STRINGS.items():
            # A login carries the switch's name as ``hubname`` already, and names ignore case.
            if wire not in pack:
                pack.add_str(wire, getattr(self, name)[:_STRING_LIMIT])
        for name, wire in _NUMBERS.items():
            pack.add_int(wire, _swapped(getattr(self, name)))
        for name, wire in _ADDRESSES.items():
            address: IPAddress = getattr(self, name)
            pack.add_ip(wire, address)
            packed = address.packed if address.version == 6 else b"\0" * 16
            pack.add_data(f"{wire}6", packed)
        return pack.add_data("UniqueId", self.unique_id)

    @classmethod
    def from_pack(cls, pack: Pack) -> NodeInformation:
        """Read the fields of a pack; all may be missing."""
        values: dict[str, object] = {}
        for name, text in zip(_STRINGS, pack.first_strs(_STRING_KEYS), strict=True):
            values[name] = text[:128]
        for name, number in zip(_NUMBERS, pack.first_ints(_NUMBER_KEYS), strict=True):
            values[name] = _swapped(number)
        for name, wire in _ADDRESSES.items():
            values[name] = pack.get_ip(wire) or UNSET
        unique_id = pack.get_data("UniqueId")
        values["unique_id"] = unique_id if len(unique_id) == 16 else b"\0" * 16
        return cls(**values)  # type: ignore[arg-type]


def _swapped(number: int) -> int:
    # Most are 0.
    return number and int.from_bytes((number & 0xFFFFFFFF).to_bytes(4, "big"), "little")
