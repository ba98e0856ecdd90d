"""
The compiled extension, where it was built and is wanted; everything in it has a Python twin.

The modules :mod:`iquila.wire.scan` and :mod:`iquila.device.batch` choose between the twins with
it. Not for anything that only exists in C.
"""

from __future__ import annotations

import os
from typing import Any


def _load() -> Any:
    # The switch that zope.interface and others of its family follow.
    if os.environ.get("PURE_PYTHON", "0") not in ("", "0"):
        return None
    try:
        import iquila._native as compiled
    except ImportError:
        return None
    return compiled


extension: Any = _load()
"""The module ``iquila._native``; None without it, or where ``PURE_PYTHON=1`` is set."""
