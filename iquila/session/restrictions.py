"""
What the administrator options of a Virtual Switch leave of a policy (reference §9.5).

Only the options that bound a session's policy: the others are held where their subject is.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from iquila.wire.policy import Policy

_LIMITS = (
    ("max_multilogins_per_user", "multi_logins"),
    ("max_bitrates_upload", "max_upload"),
    ("max_bitrates_download", "max_download"),
)
_DENIALS = (
    ("deny_bridge", "no_bridge"),
    ("deny_routing", "no_routing"),
    ("deny_qos", "no_qos"),
)


def restricted(policy: Policy, options: Mapping[str, int]) -> Policy:
    """
    Return a policy that allows nothing which the options of a switch do not.

    :param options: administrator options by name; a missing one is 0, no restriction.
    """
    changes: dict[str, int | bool] = {}
    for option, name in _LIMITS:
        limit, own = options.get(option, 0), getattr(policy, name)
        if limit and (not own or own > limit):
            changes[name] = limit
    for option, name in _DENIALS:
        if options.get(option, 0):
            changes[name] = True
    return evolve(policy, **changes) if changes else policy  # type: ignore[arg-type]
