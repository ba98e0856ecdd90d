"""
One Virtual Switch: ports, learning, forwarding, limits. Sans-I/O: runs of frames and `now` in,
runs to ports out.
"""
