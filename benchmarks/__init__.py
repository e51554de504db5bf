"""Measurements, one subject a file; each is a command of its own, `make bench` runs them all."""
