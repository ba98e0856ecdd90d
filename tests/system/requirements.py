"""
What a system test needs from its machine, and what happens where it is missing.

Not for the needs of the product: those are dependencies.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

SOFTETHER_PROGRAMS = Path("/usr/libexec/softether")
SOFTETHER_TEXTS = Path("/usr/share/softether-common/hamcore.se2")
TUN_DEVICE = Path("/dev/net/tun")


def refuse(sentence: str) -> None:
    """
    Skip the running test because of `sentence`, or fail it where skipping is not allowed.

    :raises SkipTest: the environment does not say ``IQUILA_REQUIRE_SYSTEM=1``.
    """
    if os.environ.get("IQUILA_REQUIRE_SYSTEM") == "1":
        raise SynchronousTestCase.failureException(f"a system test may not skip here: {sentence}")
    raise SkipTest(sentence)


def need_namespaces() -> None:
    """Return only where network namespaces can be made and pinged through."""
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("ping"):
        refuse("needs root and Debian's iproute2 and ping: apt-get install iproute2 iputils-ping")


def need_tap() -> None:
    """Return only where TAP devices can be made in network namespaces."""
    need_namespaces()
    if not TUN_DEVICE.exists():
        refuse(f"needs {TUN_DEVICE}: load the kernel module tun")


def need_softether(*, server: bool = False) -> None:
    """Return only where Debian's SoftEther client (and `server`) can be run in namespaces."""
    need_namespaces()
    names = ["vpnclient", "vpncmd"] + ["vpnserver"] * server
    files = [SOFTETHER_PROGRAMS / name / name for name in names] + [SOFTETHER_TEXTS]
    if not all(file.exists() for file in files):
        packages = " ".join(f"softether-{name}" for name in names)
        refuse(f"needs root and Debian's softether-vpnclient: apt-get install {packages}")
    if not TUN_DEVICE.exists():
        refuse(f"needs {TUN_DEVICE}, which the client's network adapter is made with")
