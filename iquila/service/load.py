"""What a server says of its load: sessions, connections, instances."""

from __future__ import annotations

from iquila.cluster.roster import InstanceLoad, LoadReport
from iquila.database.records import SwitchKind
from iquila.service.core import Core
from iquila.service.instances import Instances


def measure(core: Core, instances: Instances, redeemed: tuple[bytes, ...] = ()) -> LoadReport:
    """Return the load of this server now."""
    loads = tuple(
        InstanceLoad(
            switch=instance.name,
            epoch=instance.epoch,
            sessions=core.sessions.count(instance.name),
            static=instance.record.kind is SwitchKind.STATIC,
            macs=instance.switch.stations,
            bridges=instance.switch.bridges,
        )
        for instance in instances
    )
    came, went = instances.traffic()
    traffic = tuple(
        count
        for side in (came, went)
        for count in (
            side.broadcast_bytes,
            side.broadcast_frames,
            side.unicast_bytes,
            side.unicast_frames,
        )
    )
    return LoadReport(
        len(core.sessions), core.sessions.tcp_connections(), loads, redeemed, traffic=traffic
    )
