"""Tests of `iquila.database`."""
