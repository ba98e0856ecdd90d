"""
A network device of this machine as its operator sees it: its MAC address, up or down.

By ioctl (netdevice(7)). Not for IP addresses and routes: those are the operator's business.
"""

from __future__ import annotations

import fcntl
import socket
import struct

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFHWADDR = 0x8913, 0x8914, 0x8924
_IFF_UP = 0x1
_ETHERNET = 1


def set_address(device: str, mac: bytes) -> None:
    """
    Give a device a MAC address of 6 bytes.

    :raises OSError: it does not take it.
    """
    _call(_SIOCSIFHWADDR, struct.pack("16sH6s16x", device.encode(), _ETHERNET, mac))


def bring_up(device: str) -> None:
    """
    Bring a device up: the machine begins to use it.

    :raises OSError: it cannot be.
    """
    asked = struct.pack("16sH22x", device.encode(), 0)
    flags = struct.unpack_from("H", _call(_SIOCGIFFLAGS, asked), 16)[0]
    _call(_SIOCSIFFLAGS, struct.pack("16sH22x", device.encode(), flags | _IFF_UP))


def _call(number: int, request: bytes) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        return fcntl.ioctl(any_socket, number, request)
