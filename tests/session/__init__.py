"""Tests of `iquila.session`."""
