"""The rules of :mod:`.rules` for operations: each refusal names the parameter."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from iquila.errors import InvalidParameter, NotRSA1024
from iquila.session.usercertificate import NotRSA

P = ParamSpec("P")
T = TypeVar("T")


def checked(name: str, rule: Callable[P, T], *values: P.args, **bounds: P.kwargs) -> T:
    """
    Return what a rule makes of the values of a parameter.

    :param name: the parameter, as it is called on the wire.
    :raises InvalidParameter: the rule refuses it.
    :raises NotRSA1024: it is a certificate of a key that the protocol has no use for.
    """
    try:
        return rule(*values, **bounds)
    except NotRSA as error:
        raise NotRSA1024(f"{name} {error}.") from None
    except ValueError as error:
        raise InvalidParameter(f"{name} {error}.") from None
