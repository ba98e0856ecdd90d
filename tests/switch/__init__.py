"""Tests of `iquila.switch`."""
