"""Operations on messages: the one a Virtual Switch shows its clients, and the server's own."""

from __future__ import annotations

from attrs import evolve, frozen

from iquila.admin import rules
from iquila.admin.checks import checked
from iquila.admin.fields import data, text
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Nothing, Table, Who
from iquila.admin.switches import Hub, known
from iquila.database.records import ServerMode, Switch
from iquila.database.store import put
from iquila.errors import InvalidParameter, NotSupported

TABLE = Table()
NOT_ON_MEMBER = {ServerMode.MEMBER: NotSupported}


@frozen
class Message:
    """A message in UTF-8; empty for none."""

    hub_name: str = text("HubName")
    message: bytes = data("Msg", rules.MAX_MESSAGE * 4 + 1)


@TABLE.operation("GetHubMsg", Hub, Message, Who.SWITCH, NOT_ON_MEMBER)
async def get_hub_msg(server: ManagedServer, caller: Caller, request: Hub) -> Message:
    """Return the message that clients of a Virtual Switch are shown at their login."""
    switch = known(server, request.hub_name)
    return Message(switch.name, switch.message.encode())


@TABLE.operation(
    "SetHubMsg", Message, Message, Who.SWITCH, NOT_ON_MEMBER, denied_by="no_change_msg"
)
async def set_hub_msg(server: ManagedServer, caller: Caller, request: Message) -> Message:
    """Set the message that clients of a Virtual Switch are shown at their login."""
    switch = known(server, request.hub_name)
    try:
        # Some tools send the end of a C string along.
        message = request.message.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        raise InvalidParameter("Msg is not UTF-8.") from None
    checked("Msg", rules.text, message, rules.MAX_MESSAGE)
    if message != switch.message:
        await server.system.transact(
            [put(evolve(switch, message=message))],
            [server.system.unchanged(Switch, switch.key)],
        )
    return Message(switch.name, message.encode())


@TABLE.operation("GetAdminMsg", Nothing, Message, Who.ANY)
async def get_admin_msg(server: ManagedServer, caller: Caller, request: Nothing) -> Message:
    """Return the message for administrators that connect; this server has none."""
    return Message()
