"""The twistd plugin ``iquila-server``; loads nothing of iquila until it is used."""

from twisted.application.service import ServiceMaker

iquila_server = ServiceMaker(
    "iquila server",
    "iquila.service.server_plugin",
    "An iquila server, in whatever mode its database says (standalone at first).",
    "iquila-server",
)
