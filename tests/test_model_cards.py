"""Every network that ships has a card that names its training data with licenses, and honest figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from clarity_desktop.backend.weights import catalog

WEIGHTS = Path(__file__).resolve().parents[1] / "resources" / "weights"
BUNDLED = [model for model in catalog().values() if model.bundled and model.licence.startswith("MIT (trained by")]


def section(card: str, title: str) -> str:
    """The text under a heading."""
    return card.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", [model.id for model in BUNDLED])
def test_a_card_names_training_sets_with_licenses_and_figures(name: str) -> None:
    card = (WEIGHTS / f"{name}.md").read_text("utf-8")
    data = section(card, "Training data").casefold()
    assert "license" in data or "research" in data
    assert "none of these" in data  # no photo is part of the program
    assert any(character.isdigit() for character in section(card, "Figures")) or "docs/" in section(card, "Figures")
    assert section(card, "Intended use")
