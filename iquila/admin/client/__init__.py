"""
Administration of a VEN client: its connection settings, its virtual adapters.

The operations have the names of the system's own client; they travel as JSON-RPC on a UNIX
socket. Not for servers, whose operations stand beside this package.
"""
