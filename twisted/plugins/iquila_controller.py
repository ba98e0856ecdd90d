"""The twistd plugin ``iquila-controller``; loads nothing of iquila until it is used."""

from twisted.application.service import ServiceMaker

iquila_controller = ServiceMaker(
    "iquila controller",
    "iquila.service.controller_plugin",
    "An iquila cluster controller.",
    "iquila-controller",
)
