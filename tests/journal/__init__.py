"""Tests of `iquila.journal`."""
