"""
Files that commands read and write: certificates and keys (PEM or DER), and anything else.

What may hold secrets is written for its owner only.
"""

from __future__ import annotations

import base64
import os
import ssl
import warnings
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.utils import CryptographyDeprecationWarning

from iquila.command.arguments import UsageError

LIMIT = 64 * 1024 * 1024
DER_SUFFIXES = (".der",)


def read_file(path: str) -> bytes:
    """
    Return what is in a file.

    :raises UsageError: it cannot be read, or holds more than 64 MiB.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(LIMIT + 1)
    except OSError as error:
        raise UsageError(f"The file {path} cannot be read ({error.strerror}).") from error
    if len(content) > LIMIT:
        raise UsageError(f"The file {path} is too large: {LIMIT} bytes are allowed.")
    return content


def write_file(path: str, content: bytes, *, private: bool = False) -> None:
    """
    Write a file; a `private` one can be read by its owner only.

    :raises UsageError: it cannot be written.
    """
    try:
        descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o666
        )
        with os.fdopen(descriptor, "wb") as file:
            if private and Path(path).is_file():
                os.fchmod(file.fileno(), 0o600)
            file.write(content)
    except OSError as error:
        raise UsageError(f"The file {path} cannot be written ({error.strerror}).") from error


def load_certificate(path: str) -> str:
    """
    Return a certificate from a PEM or DER file, as base64 of DER.

    :raises UsageError: it cannot be read, or holds none.
    """
    content = read_file(path)
    load: Any = x509.load_der_x509_certificate
    if b"-----BEGIN" in content:
        load = x509.load_pem_x509_certificate
    try:
        certificate = load(content)
    except ValueError as error:
        raise UsageError(f"The file {path} holds no X.509 certificate (PEM or DER).") from error
    return _text(certificate.public_bytes(Encoding.DER))


def load_key(path: str) -> str:
    """
    Return a private key without a pass phrase from a PEM or DER file, as base64 of DER.

    :raises UsageError: it cannot be read, is encrypted, or holds none.
    """
    content = read_file(path)
    load: Any = load_pem_private_key if b"-----BEGIN" in content else load_der_private_key
    try:
        key = load(content, password=None)
    except TypeError as error:
        raise UsageError(
            f"The key in {path} has a pass phrase: take it off with 'openssl pkey'."
        ) from error
    except ValueError as error:
        raise UsageError(f"The file {path} holds no private key (PEM or DER).") from error
    der = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return _text(der)


def save_certificate(encoded: str, path: str) -> None:
    """
    Write a certificate (base64 of DER) as PEM, or as DER where the name ends with ``.der``.

    :raises UsageError: the file cannot be written.
    """
    content = base64.b64decode(encoded)
    if not path.lower().endswith(DER_SUFFIXES):
        content = ssl.DER_cert_to_PEM_cert(content).encode()
    write_file(path, content)


def save_key(encoded: str, path: str) -> None:
    """
    Write a private key (base64 of DER) as PEM, or as DER where the name ends with ``.der``.

    :raises UsageError: the file cannot be written.
    """
    content = base64.b64decode(encoded)
    if not path.lower().endswith(DER_SUFFIXES):
        key = load_der_private_key(content, password=None)
        content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_file(path, content, private=True)


def describe_certificate(encoded: str) -> str:
    """Return whose a certificate (base64 of DER) is, with its serial number."""
    with warnings.catch_warnings():
        # SoftEther numbers its own certificates 0, which is told about each time.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        certificate = x509.load_der_x509_certificate(base64.b64decode(encoded))
    return f'{certificate.subject.rfc4514_string()}, SERIAL="{certificate.serial_number:X}"'


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
