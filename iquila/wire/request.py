"""Which request a pack of the handshake is (reference §1.6)."""

from __future__ import annotations

from attrs import field, frozen

from iquila.errors import ProtocolError
from iquila.wire.additional import AdditionalConnect
from iquila.wire.login import DIGEST, Login
from iquila.wire.pack import Pack


@frozen
class Noop:
    """The client asks for patience while a person is asked something (reference §1.4)."""


@frozen
class EnumSwitches:
    """Which Virtual Switches does the server show to anybody?"""


@frozen
class PasswordChange:
    """A user replaces their own password; the proof and the new hash are 20 bytes each."""

    switch: str
    user: str
    secure_old_password: bytes = field(repr=False)
    new_password: bytes = field(repr=False)
    new_password_nt: bytes = field(default=b"", repr=False)


@frozen
class Administration:
    """The administration RPC begins (reference §7.9)."""

    switch: str
    secure_password: bytes = field(repr=False)


@frozen
class FarmConnect:
    """A member of the system's own cluster protocol wants to join."""


Request = (
    Login | AdditionalConnect | EnumSwitches | PasswordChange | Administration | FarmConnect | Noop
)


def method_of(pack: Pack) -> str:
    """Return the method that a pack asks for, in lower case."""
    return pack.get_str("method").lower()


def parse_request(pack: Pack) -> Request:
    """
    Read a request.

    :raises ProtocolError: it is none, or lacks what it needs.
    """
    if "method" not in pack and pack.get_int("noop"):
        return Noop()
    method = method_of(pack)
    if method == "login":
        return Login.from_pack(pack)
    if method == "additional_connect":
        return AdditionalConnect.from_pack(pack)
    if method == "enum_hub":
        return EnumSwitches()
    if method == "password":
        return _password_change(pack)
    if method == "admin":
        return Administration(pack.get_str("hubname"), pack.get_data("secure_password"))
    if method == "farm_connect":
        return FarmConnect()
    raise ProtocolError(f"There is no method '{method[:32]}'.")


def _password_change(pack: Pack) -> PasswordChange:
    change = PasswordChange(
        pack.get_str("hubname"),
        pack.get_str("username"),
        pack.get_data("secure_old_password"),
        pack.get_data("new_password"),
        pack.get_data("new_password_ntlm"),
    )
    if len(change.secure_old_password) != DIGEST or len(change.new_password) != DIGEST:
        raise ProtocolError("The change of the password is not complete.")
    return change
