"""The compiled extension: built where it can be, used unless it is not wanted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from iquila.device import batch
from iquila.wire import scan

from .twins import compiled

TELL = "from iquila.wire.scan import NATIVE; print(NATIVE)"


class NativeTests(SynchronousTestCase):
    """Which form of the twins is in use."""

    def in_use(self, **environment: str) -> bool:
        """Return whether a fresh interpreter uses the compiled form."""
        settings = {name: value for name, value in os.environ.items() if name != "PURE_PYTHON"}
        told = subprocess.run(
            [sys.executable, "-c", TELL],
            env=settings | environment,
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        )
        return told.stdout == "True\n"

    def test_built(self) -> None:
        """Where there is a compiler the extension was built, and imports."""
        compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
        headers = Path(sysconfig.get_path("include"), "Python.h")
        if shutil.which(compiler) and headers.exists():
            self.assertIsNotNone(compiled(), "remove .venv/.iquila-dev to build it again")
        elif os.environ.get("IQUILA_REQUIRE_SYSTEM") == "1":
            self.fail("needs a C compiler and Python's headers: apt-get install gcc python3-dev")
        elif compiled() is None:
            raise SkipTest("needs a C compiler and Python's headers to build the extension")

    def test_environment(self) -> None:
        """PURE_PYTHON=1 switches it off; unset, empty or 0 leaves it on."""
        self.assertFalse(self.in_use(PURE_PYTHON="1"))
        there = compiled() is not None
        for environment in ({}, {"PURE_PYTHON": ""}, {"PURE_PYTHON": "0"}):
            self.assertEqual(self.in_use(**environment), there)

    def test_flag(self) -> None:
        """The flag says which form the public names are."""
        for public, python in (
            (scan.scan, scan.scan_python),
            (batch.read_blocks, batch.read_blocks_python),
            (batch.write_blocks, batch.write_blocks_python),
        ):
            self.assertEqual(scan.NATIVE, public is not python)
