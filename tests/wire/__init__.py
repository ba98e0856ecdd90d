"""Tests of `iquila.wire`."""
