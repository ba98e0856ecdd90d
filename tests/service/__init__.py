"""Tests of `iquila.service`."""
