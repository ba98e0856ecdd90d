"""Operations on the CAs that a Virtual Switch trusts, and on the certificates that it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from attrs import evolve, fields_dict, frozen
from cryptography import x509

from iquila.admin import rules
from iquila.admin.checks import checked
from iquila.admin.fields import WIRE, data, items, text, time, u32, utf
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Table, Who
from iquila.admin.switches import Hub, known
from iquila.database.belongings import RevokedCertificate, TrustedCA
from iquila.database.record import numbered_key
from iquila.database.records import ServerMode, Switch, user_key
from iquila.database.store import delete, put
from iquila.errors import (
    Conflict,
    InvalidParameter,
    NotController,
    NotSupported,
    ObjectNotFound,
    TooManyItems,
)

TABLE = Table()
CA_NOT_ON_MEMBER = {ServerMode.MEMBER: NotController}
CRL_NOT_ON_MEMBER = {ServerMode.MEMBER: NotSupported}
TRIES = 8
"""How often a number is looked for while others take them."""

N = TypeVar("N", TrustedCA, RevokedCertificate)


def _found(server: ManagedServer, cls: type[N], hub_name: str, number: int) -> N:
    known(server, hub_name)
    record = server.system.get(cls, numbered_key(hub_name, number))
    if record is None:
        what = "trusted CA" if cls is TrustedCA else "revoked certificate"
        raise ObjectNotFound(f"There is no {what} {number} on '{hub_name}' (Key).")
    return record


async def _add(
    server: ManagedServer, switch: Switch, cls: type[N], make: Callable[[int], N], limit: int
) -> N:
    """Write a record under the next number."""
    for _ in range(TRIES):
        there = server.system.all(cls, user_key(switch.name, ""))
        if len(there) >= limit:
            raise TooManyItems(f"The Virtual Switch has {limit} of them: delete one first.")
        record = make(max((other.number for other in there), default=0) + 1)
        compares = [
            server.system.unchanged(cls, record.key),
            server.system.unchanged(Switch, switch.key),
        ]
        try:
            await server.system.transact([put(record)], compares)
        except Conflict:
            switch = known(server, switch.name)
            continue
        return record
    raise InvalidParameter("Many are being added at the same time: try again.")


# -- trusted CAs


@frozen
class NewAuthority:
    """A CA to be trusted: its certificate, X.509 DER."""

    hub_name: str = text("HubName")
    certificate: bytes = data("Cert")


@frozen
class AuthorityKey:
    """A trusted CA by its number."""

    hub_name: str = text("HubName")
    number: int = u32("Key")


@frozen
class Authority:
    """A trusted CA with its certificate, X.509 DER."""

    hub_name: str = text("HubName")
    number: int = u32("Key")
    certificate: bytes = data("Cert")


@frozen
class AuthorityItem:
    """A trusted CA in the list."""

    number: int = u32("Key")
    subject: str = utf("SubjectName")
    issuer: str = utf("IssuerName")
    expires: int = time("Expires")


@frozen
class AuthorityList:
    """The trusted CAs of a switch."""

    hub_name: str = text("HubName")
    authorities: tuple[AuthorityItem, ...] = items("CAList", AuthorityItem)


@TABLE.operation(
    "AddCa",
    NewAuthority,
    NewAuthority,
    Who.SWITCH,
    CA_NOT_ON_MEMBER,
    denied_by="no_change_cert_list",
)
async def add_ca(server: ManagedServer, caller: Caller, request: NewAuthority) -> NewAuthority:
    """Trust a CA: users whose certificates it signed may log in; a known one stays as it is."""
    switch = known(server, request.hub_name)
    der = checked("Cert", rules.authority, request.certificate)
    there = server.system.all(TrustedCA, user_key(switch.name, ""))
    if all(other.certificate != der for other in there):
        await _add(
            server,
            switch,
            TrustedCA,
            lambda number: TrustedCA(switch.name, number, der),
            rules.MAX_AUTHORITIES,
        )
    return request


@TABLE.operation("EnumCa", Hub, AuthorityList, Who.SWITCH, CA_NOT_ON_MEMBER)
async def enum_ca(server: ManagedServer, caller: Caller, request: Hub) -> AuthorityList:
    """List the CAs that a Virtual Switch trusts."""
    switch = known(server, request.hub_name)
    rows = []
    for record in server.system.all(TrustedCA, user_key(switch.name, "")):
        certificate = x509.load_der_x509_certificate(record.certificate)
        rows.append(AuthorityItem(record.number, *rules.certificate_names(certificate)))
    return AuthorityList(switch.name, tuple(rows))


@TABLE.operation("GetCa", AuthorityKey, Authority, Who.SWITCH, CA_NOT_ON_MEMBER)
async def get_ca(server: ManagedServer, caller: Caller, request: AuthorityKey) -> Authority:
    """Return the certificate of a trusted CA."""
    record = _found(server, TrustedCA, request.hub_name, request.number)
    return Authority(record.switch, record.number, record.certificate)


@TABLE.operation(
    "DeleteCa",
    AuthorityKey,
    AuthorityKey,
    Who.SWITCH,
    CA_NOT_ON_MEMBER,
    denied_by="no_change_cert_list",
)
async def delete_ca(server: ManagedServer, caller: Caller, request: AuthorityKey) -> AuthorityKey:
    """Trust a CA no more; open sessions go on."""
    record = _found(server, TrustedCA, request.hub_name, request.number)
    await server.system.transact([delete(TrustedCA, record.key)])
    return request


# -- revoked certificates


@frozen
class Revocation:
    """Certificates that are refused: those that match every field that is not empty."""

    hub_name: str = text("HubName")
    number: int = u32("Key")
    common_name: str = utf("CommonName")
    organization: str = utf("Organization")
    unit: str = utf("Unit")
    country: str = utf("Country")
    state: str = utf("State")
    locality: str = utf("Local")
    serial: bytes = data("Serial")
    md5: bytes = data("DigestMD5")
    sha1: bytes = data("DigestSHA1")


_LABELS = {
    "common_name": "CN",
    "organization": "O",
    "unit": "OU",
    "state": "S",
    "locality": "L",
    "country": "C",
}
_TEXTS = tuple(_LABELS)
_BYTES = {"serial": "Serial", "md5": "MD5", "sha1": "SHA1"}


def _wire(name: str) -> str:
    return str(fields_dict(Revocation)[name].metadata[WIRE].name)


def _revocation(switch: str, number: int, request: Revocation) -> RevokedCertificate:
    texts = {
        name: checked(_wire(name), rules.text, getattr(request, name)).strip() for name in _TEXTS
    }
    record = RevokedCertificate(
        switch,
        number,
        serial=checked("Serial", rules.serial, request.serial),
        md5=checked(_wire("md5"), rules.sized, request.md5, rules.MD5),
        sha1=checked(_wire("sha1"), rules.sized, request.sha1, rules.SHA1),
        **texts,
    )
    return checked("CommonName", rules.revocation, record)


def _described(record: RevokedCertificate) -> Revocation:
    values = {name: getattr(record, name) for name in (*_TEXTS, *_BYTES)}
    return Revocation(record.switch, record.number, **values)


@TABLE.operation(
    "AddCrl",
    Revocation,
    Revocation,
    Who.SWITCH,
    CRL_NOT_ON_MEMBER,
    denied_by="no_change_crl_list",
)
async def add_crl(server: ManagedServer, caller: Caller, request: Revocation) -> Revocation:
    """Refuse certificates: those that match every field that is not empty."""
    switch = known(server, request.hub_name)

    def make(number: int) -> RevokedCertificate:
        return _revocation(switch.name, number, request)

    return _described(await _add(server, switch, RevokedCertificate, make, rules.MAX_REVOKED))


@frozen
class RevocationItem:
    """A revocation in the list."""

    number: int = u32("Key")
    summary: str = utf("CrlInfo")


@frozen
class RevocationList:
    """What a switch refuses."""

    hub_name: str = text("HubName")
    number: int = u32("NumItem")
    """The system's own tool reads no more rows than this says."""
    revocations: tuple[RevocationItem, ...] = items("CRLList", RevocationItem)


def _summary(record: RevokedCertificate) -> str:
    subject = [
        f"{label}={getattr(record, n)}" for n, label in _LABELS.items() if getattr(record, n)
    ]
    parts = [f'Subject="{", ".join(subject)}"']
    parts += [
        f'{label}="{getattr(record, name).hex(" ").upper()}"'
        for name, label in _BYTES.items()
        if getattr(record, name)
    ]
    return ", ".join(parts)


@TABLE.operation("EnumCrl", Hub, RevocationList, Who.SWITCH, CRL_NOT_ON_MEMBER)
async def enum_crl(server: ManagedServer, caller: Caller, request: Hub) -> RevocationList:
    """List the certificates that a Virtual Switch refuses."""
    switch = known(server, request.hub_name)
    records = server.system.all(RevokedCertificate, user_key(switch.name, ""))
    rows = tuple(RevocationItem(record.number, _summary(record)) for record in records)
    return RevocationList(switch.name, len(rows), rows)


@TABLE.operation("GetCrl", AuthorityKey, Revocation, Who.SWITCH, CRL_NOT_ON_MEMBER)
async def get_crl(server: ManagedServer, caller: Caller, request: AuthorityKey) -> Revocation:
    """Return a revocation."""
    return _described(_found(server, RevokedCertificate, request.hub_name, request.number))


@TABLE.operation(
    "SetCrl",
    Revocation,
    Revocation,
    Who.SWITCH,
    CRL_NOT_ON_MEMBER,
    denied_by="no_change_crl_list",
)
async def set_crl(server: ManagedServer, caller: Caller, request: Revocation) -> Revocation:
    """Change a revocation."""
    old = _found(server, RevokedCertificate, request.hub_name, request.number)
    record = _revocation(old.switch, old.number, request)
    try:
        unchanged = server.system.unchanged(RevokedCertificate, old.key)
        await server.system.transact([put(record)], [unchanged])
    except Conflict:
        raise InvalidParameter(
            "The revocation was changed by somebody else at the same time: try again."
        ) from None
    return _described(record)


@TABLE.operation(
    "DelCrl",
    AuthorityKey,
    Revocation,
    Who.SWITCH,
    CRL_NOT_ON_MEMBER,
    denied_by="no_change_crl_list",
)
async def del_crl(server: ManagedServer, caller: Caller, request: AuthorityKey) -> Revocation:
    """Refuse certificates no more that a revocation names."""
    record = _found(server, RevokedCertificate, request.hub_name, request.number)
    await server.system.transact([delete(RevokedCertificate, record.key)])
    return evolve(_described(record), hub_name=request.hub_name)
