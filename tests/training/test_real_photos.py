"""The labels of real photos, and the folder that is built from them and copied repositories."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clarity_training import photos, real_photos
from clarity_training.evaluate.test_set import real_half
from clarity_training.evaluate.test_set import real_photos as read_folder
from clarity_training.real_photos import MAX_SIDE, Label
from PIL import Image

from clarity_desktop.messages import UserError
from clarity_desktop.values import CLASSES

HEAD = "repository,commit,source_path,class,others,note,scene\n"


@pytest.fixture
def mirror(tmp_path: Path, photo: Callable[..., np.ndarray]) -> Path:
    """A folder with a bare repository ann/photos of three photos, one of them large, one with a space in its name."""
    work = tmp_path / "work"
    (work / "wet day").mkdir(parents=True)
    Image.fromarray(photo(96, 80, seed=1)).save(work / "wet day" / "a 1.jpg", quality=40)
    coarse = np.random.default_rng(2).integers(0, 256, (5, 6, 3), np.uint8)
    Image.fromarray(coarse).resize((96, 80), Image.Resampling.BICUBIC).save(work / "b.png")
    Image.fromarray(photo(MAX_SIDE // 10, 120, seed=3)).resize((MAX_SIDE + 300, 900)).save(work / "large.jpg")
    git = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-C", str(work)]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Add photos"]):
        subprocess.run([*git, *words], check=True)
    bare = tmp_path / "mirror" / "ann+photos" / "repo"
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(bare)], check=True)
    return tmp_path / "mirror"


def label(path: str, name: str = "rain streak", scene: str = "", repository: str = "ann/photos") -> Label:
    return Label(repository, "HEAD", path, name, ("noise",), "", scene)


def test_the_labels_name_known_classes_and_public_sources():
    labels = real_photos.read_labels()
    counts = Counter(label.name for label in labels)
    assert set(counts) == set(CLASSES)
    assert all(re.fullmatch(r"[0-9a-f]{40}", label.commit) for label in labels)
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+", label.repository) for label in labels)
    assert not any(label.others for label in labels if label.name == "normal")
    assert all(len(label.others) > 1 for label in labels if label.name == "blend")
    assert min(counts.values()) >= 30


def test_files_keep_their_bytes_and_large_ones_are_reduced(tmp_path: Path, mirror: Path):
    out = tmp_path / "out"
    rows = real_photos.build([label("wet day/a 1.jpg"), label("b.png"), label("large.jpg", "haze")], mirror, out)
    files = [out / row["path"] for row in rows]
    assert files[0].read_bytes() == (tmp_path / "work" / "wet day" / "a 1.jpg").read_bytes()
    assert files[1].read_bytes() == (tmp_path / "work" / "b.png").read_bytes()
    with Image.open(files[2]) as large:
        assert max(large.size) == MAX_SIDE
        assert large.format == "JPEG"
    assert [file.parent.name for file in files] == ["rain-streak", "rain-streak", "haze"]
    assert rows[0]["source_path"] == "wet day/a 1.jpg"
    assert rows[0]["others"] == "noise"


def test_the_folder_is_read_as_real_photos(tmp_path: Path, mirror: Path):
    out = tmp_path / "out"
    real_photos.write_index(real_photos.build([label("b.png"), label("large.jpg", "haze")], mirror, out), out)
    found = [pair for half in ("train", "test") for pair in read_folder(out, half)]
    assert Counter(name for name, _ in found) == {"rain streak": 1, "haze": 1}
    assert all(path.is_file() for _, path in found)


def test_photos_of_one_scene_are_in_one_half(tmp_path: Path, mirror: Path):
    out = tmp_path / "out"
    labels = [label(path, scene="street-7") for path in ("wet day/a 1.jpg", "b.png", "large.jpg")]
    real_photos.write_index(real_photos.build(labels, mirror, out), out)
    halves = [read_folder(out, "train"), read_folder(out, "test")]
    assert sorted(len(half) for half in halves) == [0, 3]
    assert bool(halves[1]) == (real_half(Path("street-7")) == "test")


def test_excluded_photos_are_left_out(tmp_path: Path, mirror: Path):
    hashes = tmp_path / "excluded.txt"
    hashes.write_text(f"{photos.difference_hash(tmp_path / 'work' / 'b.png'):016x}\n")
    rows = real_photos.build([label("wet day/a 1.jpg"), label("b.png")], mirror, tmp_path / "out", hashes)
    assert [row["source_path"] for row in rows] == ["wet day/a 1.jpg"]
    assert len(photos.find([tmp_path / "out"])) == 1


def test_what_the_mirror_lacks_is_reported_and_left_out(
    tmp_path: Path, mirror: Path, capsys: pytest.CaptureFixture[str]
):
    labels = [label("gone.jpg"), label("b.png", repository="bob/none"), label("b.png")]
    rows = real_photos.build(labels, mirror, tmp_path / "out")
    assert [row["source_path"] for row in rows] == ["b.png"]
    said = capsys.readouterr().err
    assert "gone.jpg" in said
    assert "bob/none" in said


def test_another_folder_is_added_with_its_own_sets(tmp_path: Path):
    other = tmp_path / "other"
    (other / "snow_real" / "snow").mkdir(parents=True)
    (other / "snow_real" / "snow" / "a.jpg").write_bytes(b"snow")
    (other / "index.csv").write_text(
        "path,set,role,class\nsnow_real/snow/a.jpg,snow_real,snow,snow\nx.jpg,clean_camera,clean,clean\n"
    )
    rows = real_photos.add(other, tmp_path / "out")
    assert [(row["set"], row["role"]) for row in rows] == [("snow_real", "snow")]
    assert (tmp_path / "out" / "snow_real" / "snow" / "a.jpg").read_bytes() == b"snow"


@pytest.mark.parametrize("line", ["a/b,c,d.jpg,mud,,,", "a/b,c,d.jpg,haze,mud,,", "a/b,c,d.jpg,haze,,,\n" * 2])
def test_a_wrong_label_names_its_photo(tmp_path: Path, line: str):
    (tmp_path / "labels.csv").write_text(HEAD + line)
    with pytest.raises(UserError, match=r"“d.jpg” is wrong"):
        real_photos.read_labels(tmp_path / "labels.csv")
