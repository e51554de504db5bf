"""Weights of the networks and metrics: the catalog, and the store that installs and verifies them."""

from __future__ import annotations

from clarity_desktop.backend.weights.catalog import Model, catalog
from clarity_desktop.backend.weights.package_clients import Report
from clarity_desktop.backend.weights.store import UnknownWeights, WeightStore, default_store

__all__ = ["Model", "Report", "UnknownWeights", "WeightStore", "catalog", "default_store"]
