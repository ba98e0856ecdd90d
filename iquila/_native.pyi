# The compiled twins of functions in iquila.wire.scan and iquila.device.batch: see there.

from iquila.wire.scan import Run

def scan(
    buffer: bytearray, at: int, end: int, left: int, super_allowed: bool, runs: list[Run], /
) -> tuple[int, int, int, int]: ...
def read_blocks(
    fd: int, buffer: bytearray, at: int, end: int, frames: int, headers: int, /
) -> tuple[int, int]: ...
def write_blocks(
    fd: int, buffer: bytearray | bytes, at: int, end: int, headers: bool, /
) -> tuple[int, int]: ...
