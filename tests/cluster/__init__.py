"""Tests of `iquila.cluster`."""
