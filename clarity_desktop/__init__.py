"""Clarity Desktop: restores damaged photos on the local machine."""

__version__ = "0.1.0"
