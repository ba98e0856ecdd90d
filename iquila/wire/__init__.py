"""
What travels: the PACK codec, the VEN handshake's messages, block framing, password hashes.

A module per layer; sans-I/O throughout.
"""
