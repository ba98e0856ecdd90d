"""
The machine and the versions that figures are worth nothing without.

Only what can be read without starting a server; a program that is not there has no version.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import version
from pathlib import Path
from typing import Any

from OpenSSL import SSL

import iquila
from tests.system.processes import CommandFailed, run

PACKAGES = ("Twisted", "pyOpenSSL", "cryptography")


def machine() -> dict[str, Any]:
    """Return processor, cores, kernel, memory and the load averages of now."""
    model = re.search(r"^model name\s*:\s*(.*)$", _read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+) kB", _read("/proc/meminfo"), re.MULTILINE)
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": f"{platform.system()} {platform.release()}",
        "memory_mib": int(memory[1]) // 1024 if memory else None,
        "load_average": list(os.getloadavg()),
    }


def versions() -> dict[str, Any]:
    """Return the versions of everything that may take part; None is "not installed"."""
    found: dict[str, Any] = {"python": platform.python_version(), "iquila": iquila.__version__}
    found.update({name.lower(): version(name) for name in PACKAGES})
    found["openssl"] = SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode()
    found["softether"] = _softether()
    found["iperf3"] = _first_line(["iperf3", "--version"])
    found["extensions"] = extensions()
    found["pure_python"] = bool(os.environ.get("PURE_PYTHON"))
    found["tls"] = os.environ.get("IQUILA_TLS") or "default"
    return found


def extensions() -> list[str]:
    """Return the compiled modules of iquila that an import would find."""
    top = Path(iquila.__file__).parent
    files = (file for suffix in EXTENSION_SUFFIXES[:1] for file in top.rglob(f"*{suffix}"))
    return sorted(str(file.relative_to(top.parent)) for file in files)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _first_line(command: list[str]) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    try:
        return run(command, timeout=10.0).partition("\n")[0].strip()
    except CommandFailed:
        return None


def _softether() -> str | None:
    """Return the version that the distribution's package has: the program tells only its build."""
    if shutil.which("vpnserver") is None or shutil.which("dpkg-query") is None:
        return None
    return _first_line(["dpkg-query", "--show", "--showformat=${Version}\n", "softether-vpnserver"])
