"""Clarity Desktop: restores damaged photos on the local computer."""

import os

__version__ = "0.1.0"

# torch's threads would spin while they wait for each other. With anything else running, the window for one, that takes
# the core away from the very thread they wait for: a restoration of 6 s took 49. To be set before torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
