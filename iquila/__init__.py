"""iquila: a clustered layer-2 VPN server, as a Twisted framework."""

__version__ = "26.11.0"
