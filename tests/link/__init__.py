"""Tests of `iquila.link`."""
