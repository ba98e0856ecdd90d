"""The twistd plugin ``iquila-client``; loads nothing of iquila until it is used."""

from twisted.application.service import ServiceMaker

iquila_client = ServiceMaker(
    "iquila client",
    "iquila.service.client_plugin",
    "A VEN client that joins a Virtual Switch through a TAP device.",
    "iquila-client",
)
