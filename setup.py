"""The metadata is in pyproject.toml; here is what it cannot say: the optional extension."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        # Without a compiler, or Python's headers, the installation goes on without it.
        Extension("iquila._native", ["iquila/_native.c"], optional=True),
    ]
)
