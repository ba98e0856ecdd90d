"""The pack that says no (reference §4.5)."""

from __future__ import annotations

from iquila.errors import VENError, error_for
from iquila.wire.pack import Pack


def error_pack(error: VENError, *, no_save_password: bool = False) -> Pack:
    """Return the pack of a refusal."""
    return Pack().add_int("error", error.code).add_bool("no_save_password", no_save_password)


def raise_for_error(pack: Pack) -> None:
    """
    Do nothing for a pack of success.

    :raises VENError: the error that the pack carries.
    """
    if pack.error:
        raise error_for(pack.error)
