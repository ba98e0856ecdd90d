"""
The options of a Virtual Switch: names, defaults and ranges (reference §9.5), and their values.

Administrator options bound what the switch's own administrator and its users may do; extended
options tune the switch. A :class:`.belongings.SwitchOptions` record has what differs.
"""

from __future__ import annotations

from attrs import frozen

from iquila.database.belongings import SwitchOptions
from iquila.database.store import Database

ANY = 2**32 - 1
KEPT = " This server keeps the value, but nothing follows from it yet."


@frozen
class Option:
    """
    One option.

    :ivar highest: the largest value; 1 for a switch between no and yes. The smallest is 0.
    :ivar works: whether this server does what the option says.
    """

    name: str
    purpose: str
    default: int = 0
    highest: int = 1
    works: bool = False

    @property
    def values(self) -> range:
        """Which values it may have."""
        return range(self.highest + 1)

    @property
    def description(self) -> str:
        """What people are told of it."""
        return self.purpose if self.works else self.purpose + KEPT


def by_name(*options: Option) -> dict[str, Option]:
    """Return options by their names in lower case, in the order given."""
    return {option.name.lower(): option for option in options}


def administrator_option(system: Database, switch: str, name: str) -> int:
    """Return the value of an administrator option; all are 0 at first."""
    record = system.get(SwitchOptions, switch)
    return 0 if record is None else record.administrator.get(name, 0)
