"""
VEN sessions on Twisted: the listener that sorts what arrives on one TLS port, the server
side and the client side of a session, and the data pump between a switch and a socket.
"""
