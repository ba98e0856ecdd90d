"""A policy's fields in requests and replies, made from the policy itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import fields, make_class

from iquila.admin.fields import flag, u32
from iquila.wire.policy import DEFAULT_POLICY, NUMBERS, WIRE_NAMES, Policy

_Base: Any = make_class(
    "_Base",
    {name: (u32 if name in NUMBERS else flag)(wire) for name, wire in WIRE_NAMES.items()},
    frozen=True,
)

if TYPE_CHECKING:
    _Base = object


class PolicyFields(_Base):  # type: ignore[misc]
    """All policies by their names on the wire (reference §9.3)."""

    @classmethod
    def of(cls, policy: Policy | None) -> PolicyFields:
        """Return the fields of a policy; of the default one where there is none."""
        chosen = policy or DEFAULT_POLICY
        return cls(**{f.name: getattr(chosen, f.name) for f in fields(Policy)})

    def policy(self) -> Policy:
        """Return the policy."""
        return Policy(**{name: getattr(self, name) for name in WIRE_NAMES})
