"""Which photos `clarity bench judgement` gives to Auto."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from clarity_training.evaluate.judgement import auto_cases
from clarity_training.evaluate.test_set import real_half
from PIL import Image


def _folder(folder: Path, roles: tuple[str, ...], names: list[str]) -> Path:
    """A set of pairs, with the given roles of each of its photos, and its index."""
    rows = ["path,set,role,class,pair_id"]
    for k, name in enumerate(names):
        for role in roles:
            file = folder / "lol_train" / role / f"{name}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            coarse = np.random.default_rng(k).integers(0, 256, (5, 6, 3), np.uint8)  # each another scene
            Image.fromarray(coarse).resize((48, 40), Image.Resampling.BICUBIC).save(file)
            rows.append(f"lol_train/{role}/{name}.png,lol_train,{role},low-light,{name}")
    (folder / "index.csv").write_text("\n".join(rows), "utf-8")
    return folder


def test_a_photo_of_a_pair_is_not_judged_without_its_counterpart(tmp_path: Path) -> None:
    names = [f"p{k}" for k in range(40) if real_half(Path(f"p{k}")) == "test"][:6]
    copies = _folder(tmp_path / "copies", ("input",), names)  # the same photos, without the clean ones
    pairs = _folder(tmp_path / "pairs", ("input", "target"), names)
    cases = auto_cases([pairs, copies], 8, 1, tmp_path / "out")
    assert [case.name for case in cases] == ["low-light"] * 4  # half of 8
    assert all(case.clean is not None and case.clean.exists() for case in cases)
    assert auto_cases([copies, pairs], 8, 1, tmp_path / "other")[0].clean is not None


def test_the_same_photo_in_two_folders_is_given_once(tmp_path: Path) -> None:
    names = [f"p{k}" for k in range(40) if real_half(Path(f"p{k}")) == "test"][:6]
    folders = [_folder(tmp_path / name, ("input",), names) for name in ("one", "two")]
    cases = auto_cases(folders, 20, 1, tmp_path / "out")
    assert len(cases) == len(names)
