"""Tests of `iquila.command`."""
