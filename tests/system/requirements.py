"""
What a system test or a bench needs from its machine, and how a test skips where it is missing.

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


def lacks_namespaces() -> str | None:
    """Return what is missing to make network namespaces and ping through them, or None."""
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("ping"):
        return "needs root and Debian's iproute2 and ping: apt-get install iproute2 iputils-ping"
    return None


def lacks_tap() -> str | None:
    """Return what is missing to make TAP devices in namespaces, or None."""
    if (lack := lacks_namespaces()) is None and not TUN_DEVICE.exists():
        return f"needs {TUN_DEVICE}, which network adapters are made with: modprobe tun"
    return lack


def lacks_softether(*, server: bool = False) -> str | None:
    """Return what is missing to run Debian's client (and `server`) in namespaces, or None."""
    names = ["vpnclient", "vpncmd"] + ["vpnserver"] * server
    files = [SOFTETHER_PROGRAMS / name / name for name in names] + [SOFTETHER_TEXTS]
    if os.geteuid() == 0 and not all(file.exists() for file in files):
        packages = " ".join(f"softether-{name}" for name in names)
        return f"needs Debian's SoftEther packages: apt-get install {packages}"
    return lacks_tap()


def need_freeradius() -> None:
    """Return only where Debian's FreeRADIUS can be run in namespaces."""
    need_namespaces()
    if not shutil.which("freeradius"):
        refuse("needs Debian's FreeRADIUS: apt-get install freeradius")


def need_namespaces() -> None:
    """Return only where network namespaces can be made and pinged through."""
    if lack := lacks_namespaces():
        refuse(lack)


def need_tap() -> None:
    """Return only where TAP devices can be made in network namespaces."""
    need_namespaces()
    if not TUN_DEVICE.exists():
        refuse(f"needs {TUN_DEVICE}: load the kernel module tun")


def need_softether(*, server: bool = False) -> None:
    """Return only where Debian's SoftEther client (and `server`) can be run in namespaces."""
    if lack := lacks_softether(server=server):
        refuse(lack)
