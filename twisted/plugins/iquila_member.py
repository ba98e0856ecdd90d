"""The twistd plugin ``iquila-member``; loads nothing of iquila until it is used."""

from twisted.application.service import ServiceMaker

iquila_member = ServiceMaker(
    "iquila member",
    "iquila.service.member_plugin",
    "An iquila cluster member.",
    "iquila-member",
)
