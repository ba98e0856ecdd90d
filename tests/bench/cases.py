"""The cases of the `switch` bench, which its drivers share."""

SIZES = (64, 1514)
"""Bytes of a frame."""
RUNS = (1, 8, 256)
"""Consecutive frames to one destination."""
PORTS = (2, 100)
"""Of the switch: one that frames come from, the others that they go to."""
DESTINATIONS = max(PORTS) - 1
"""Stations, spread evenly over the ports that frames go to."""


def name(size: int, run: int, ports: int) -> str:
    """Return the name of a case in the names of figures."""
    return f"{size}b_run{run}_{ports}p"
