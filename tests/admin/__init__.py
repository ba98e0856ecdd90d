"""Tests of `iquila.admin`."""
