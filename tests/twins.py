"""
The compiled extension, for tests that run both forms of a function whichever is in use.

That it is there at all where it can be built is a test of its own, in :mod:`.test_native`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., object])


def compiled() -> Any:
    """Return the module ``iquila._native``, None where it was not built."""
    try:
        return importlib.import_module("iquila._native")
    except ImportError:
        return None


def twins(python: F) -> list[F]:
    """Return a function called ``NAME_python`` and, where it was built, its compiled twin."""
    module = compiled()
    if module is None:
        return [python]
    return [python, getattr(module, python.__name__.removesuffix("_python"))]
