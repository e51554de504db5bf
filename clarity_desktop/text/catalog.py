"""All templates by key. A key begins with the name of the module that holds its template: "document.not_open"."""

from __future__ import annotations

from functools import cache
from types import ModuleType

from clarity_desktop.text import (
    affected_part,
    analysis,
    auto,
    chat,
    choice,
    cli,
    describe,
    document,
    feedback,
    fusion,
    lists,
    llm,
    macro,
    methods,
    pictures,
    regions,
    repair,
    restore,
    steps,
    studio,
    units,
    verdict,
    weights,
)
from clarity_desktop.text.marks import Template

MODULES: tuple[ModuleType, ...] = (
    affected_part, analysis, auto, chat, choice, cli, describe, document, feedback, fusion, lists, llm, macro, methods,
    pictures, regions, repair, restore, steps, studio, units, verdict, weights,
)  # fmt: skip


@cache
def templates() -> dict[str, Template]:
    """Key → template, of all modules."""
    return {key: template for module in MODULES for key, template in module.TEMPLATES.items()}
