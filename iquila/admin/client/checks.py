"""What a connection setting and an adapter may be, and the sentence for what they may not."""

from __future__ import annotations

import re

from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from iquila.admin.client.forms import AccountForm
from iquila.database.client import AccountRecord, ClientAuth
from iquila.errors import InvalidAdapterName, InvalidParameter, NotSupported
from iquila.wire.passwords import user_hash

MAX_ACCOUNTS = 256
MAX_ADAPTERS = 64
MAX_NAME = 255
MAX_ADAPTER_NAME = 11
"""Characters, so that a network device may be called ``vpn_NAME`` (15 is the kernel's limit)."""
MAX_PASSWORD = 255
MAX_BYTES = 65_536
"""Of a certificate or a key."""
HASH = 20
RETRY_SECONDS = range(5, 301)
_ADAPTER = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_ADAPTER_NAME}}}\Z")
_HOST = re.compile(r"[A-Za-z0-9._:%-]{1,255}\Z")


def check_adapter_name(name: str) -> None:
    """
    Check the name of an adapter that is to be made.

    :raises InvalidAdapterName: it is none.
    """
    if not _ADAPTER.match(name):
        raise InvalidAdapterName


def check_name(what: str, name: str) -> None:
    """
    Check a name.

    :raises InvalidParameter: it is empty, too long, or has characters that cannot be seen.
    """
    if not 1 <= len(name) <= MAX_NAME or name != name.strip() or not name.isprintable():
        raise InvalidParameter(
            f"The {what} must be 1 to {MAX_NAME} printable characters without spaces around them."
        )


def refuse_unserved(form: AccountForm) -> None:
    """
    Refuse what only other clients do.

    :raises NotSupported: which it is.
    """
    for given, sentence in (
        (not form.encrypt, "Every connection of this client is encrypted: UseEncrypt stays on."),
        (form.compress, "This client does not compress: UseCompress stays off."),
        (form.proxy != 0, "This client connects without a proxy: ProxyType is 0."),
        (form.interval != 1, "Connections are added at most once a second: the interval is 1."),
        (form.life, "TCP connections have no limited life here: ConnectionDisconnectSpan is 0."),
    ):
        if given:
            raise NotSupported(sentence)


def checked(record: AccountRecord) -> AccountRecord:
    """
    Return a record whose values are checked, its secrets as they are stored.

    :raises InvalidParameter: which is not valid, and what it may be.
    """
    check_name("name of the connection setting", record.name)
    check_name("name of the Virtual Switch", record.switch)
    check_name("name of the user", record.user)
    check_name("name of the virtual adapter", record.adapter)
    if not _HOST.match(record.host):
        raise InvalidParameter("The host must be a name or an address of up to 255 characters.")
    for what, value, allowed in (
        ("port", record.port, range(1, 65_536)),
        ("number of TCP connections", record.max_connections, range(1, 33)),
        ("retry interval, in seconds,", record.retry_interval, RETRY_SECONDS),
    ):
        if value not in allowed:
            raise InvalidParameter(
                f"The {what} is a number from {allowed.start} to {allowed.stop - 1}."
            )
    if record.server_certificate:
        _certificate("certificate of the server", record.server_certificate)
    return _with_secrets(record)


def _with_secrets(record: AccountRecord) -> AccountRecord:
    """Keep what the kind of authentication needs, and nothing else."""
    bare = evolve(record, password_hash=b"", password="", certificate=b"", key_data=b"")
    if len(record.password) > MAX_PASSWORD:
        raise InvalidParameter(f"A password has up to {MAX_PASSWORD} characters.")
    if record.auth is ClientAuth.PASSWORD:
        hashed = record.password_hash
        if record.password:
            hashed = user_hash(record.password, record.user)
        if len(hashed) != HASH:
            raise InvalidParameter(f"Give the password, or its hash of {HASH} bytes.")
        return evolve(bare, password_hash=hashed)
    if record.auth is ClientAuth.PLAIN_PASSWORD:
        if not record.password:
            raise InvalidParameter("Give the password.")
        return evolve(bare, password=record.password)
    if record.auth is ClientAuth.CERTIFICATE:
        key = _matching_key(record.certificate, record.key_data)
        return evolve(bare, certificate=record.certificate, key_data=key)
    return bare


def _certificate(what: str, der: bytes) -> x509.Certificate:
    try:
        if len(der) > MAX_BYTES:
            raise ValueError("it is too long")
        return x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise InvalidParameter(f"The {what} must be X.509 in DER: {error}.") from error


def _matching_key(certificate: bytes, key: bytes) -> bytes:
    """Return a private key as PKCS #8 DER."""
    found = _certificate("certificate of the user", certificate)
    try:
        if len(key) > MAX_BYTES:
            raise ValueError("it is too long")
        private = serialization.load_der_private_key(key, None)
    except (ValueError, TypeError) as error:
        raise InvalidParameter(
            "The key of the user must be a private key in DER without a password."
        ) from error
    if not isinstance(private, rsa.RSAPrivateKey):
        raise InvalidParameter("The key of the user must be an RSA key: the protocol has no other.")
    if private.public_key() != found.public_key():
        raise InvalidParameter("The key does not belong to the certificate of the user.")
    return private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
