"""Restoration methods: what a method is, the table of them, and the choice among them."""

from __future__ import annotations

from clarity_desktop.backend.methods.method import (
    Checkpoint,
    ComputeTarget,
    ContextAware,
    Load,
    Method,
    MethodFacts,
    Run,
)
from clarity_desktop.backend.methods.registry import METHODS, all_methods, choose, missing, preferred, refresh, tasks

__all__ = [
    "METHODS",
    "Checkpoint",
    "ComputeTarget",
    "ContextAware",
    "Load",
    "Method",
    "MethodFacts",
    "Run",
    "all_methods",
    "choose",
    "missing",
    "preferred",
    "refresh",
    "tasks",
]
