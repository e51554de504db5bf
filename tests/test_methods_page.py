"""docs/methods.md: every model of Table 1 is there, and what it says of a model is so."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.methods_page import MEASURED, PAGE, STATES, Row, page, rows
from clarity_desktop.backend.methods import METHODS
from clarity_desktop.backend.weights import catalog
from clarity_desktop.backend.weights.architectures import ARCHITECTURES

TABLE_1 = """
    Rain: PReNet JORDER RCDNet
    Raindrops: AttentiveGAN DPRRN He
    Snow: DesnowNet HDCWNet SnowFormer
    Noise: DnCNN VDN Neighbor2Neighbor
    Blur: SRN DeepDeblur DeblurGAN
    Haze: FFA-Net GridDehazeNet DehazeNet
    Watermarks: WDNet Niu Cun
    Shadows: Le G2R-ShadowNet CANet
    Lens flare: Zhang Wu Qiao
    Overexposure: ENC ERL Eyiokur
    Missing parts: Yu RePaint MAT
    JPEG: FBCNN QGCN Liu
    Low light: DCC-Net SNR-Net LLFlow
    Several at once: IPT TransWeather CPNet
    Vision foundation models: SAM GroundingDINO BLIP
"""
TENSORS = Path(__file__).parent / "data" / "tensors"
EVERY = pytest.mark.parametrize("row", rows(), ids=lambda row: row["model"])


def test_the_page_is_up_to_date() -> None:
    """The measurements below may be renewed at any time."""
    written, now = (text.partition(MEASURED)[0].rstrip() for text in (PAGE.read_text("utf-8"), page()))
    assert written == now, "run `make methods`"


def test_every_model_of_table_1_has_a_row() -> None:
    found = [(row["task"], row["model"]) for row in rows() if not row.get("newer")]
    lines = (line.strip().split(": ") for line in TABLE_1.strip().splitlines())
    assert found == [(task, model) for task, models in lines for model in models.split()]


@EVERY
def test_a_row_names_what_exists(row: Row) -> None:
    assert row["state"] in STATES
    assert row["looked_at"]
    for name in (*row.get("methods", ()), *row.get("nearest", ())):
        assert name in METHODS
    for name in row.get("models", ()):
        assert name in catalog()
    lists = row["keys"].split(":")[0].split(", ") if ":" in row.get("keys", "") else []
    for name in lists:
        assert (TENSORS / f"{name}.txt").exists()


@EVERY
def test_the_state_of_a_row_is_that_of_the_program(row: Row) -> None:
    match row["state"]:
        case "verified":  # tests/backend/test_published_methods.py compares each with an independent evaluation
            assert row["methods"]
            for name in row["methods"]:
                for weights in METHODS[name].weights:
                    assert all(variant.sources for variant in catalog()[weights].variants[:1])
        case "official":
            models = row.get("models") or [w for name in row["methods"] for w in METHODS[name].weights]
            assert models
            assert all(catalog()[name].variants[0].sources for name in models)
        case "by hand":
            assert row["weights"]
            assert row["licence"]
            assert row.get("built", True) == ("imported" in row)
        case _:
            assert not row.keys() & {"methods", "models", "imported", "weights"}
    if row["state"] != "verified" and row.get("built", True) and "imported" not in row and not row.get("models"):
        assert row.get("nearest") or row.get("instead") or row.get("methods")


def test_every_network_that_is_recognized_by_us_has_a_row() -> None:
    imported = {row["imported"] for row in rows() if "imported" in row}
    assert {own.name for own in ARCHITECTURES.values()} <= imported
