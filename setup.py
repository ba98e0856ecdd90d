"""The metadata is in pyproject.toml; this file lets older tools find the project."""

from setuptools import setup

setup()
