"""``python -m iquila.command``."""

from iquila.command import run

run()
