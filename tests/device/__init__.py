"""Tests of `iquila.device`."""
