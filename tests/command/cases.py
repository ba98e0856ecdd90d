"""
One case or more for each command.

A file in braces (``{cert}``) is one that the test makes; ``{out}`` is one that the command may
write.
"""

from __future__ import annotations

from .cases_joins import CASCADES, NAT, OTHERS
from .cases_server import CLUSTER, SERVER, TOKENS
from .cases_switch import SWITCHES, USERS
from .cases_traffic import LOGS, SESSIONS, TRUST

CASES = (
    *SERVER,
    *CLUSTER,
    *TOKENS,
    *SWITCHES,
    *USERS,
    *SESSIONS,
    *TRUST,
    *LOGS,
    *NAT,
    *CASCADES,
    *OTHERS,
)
