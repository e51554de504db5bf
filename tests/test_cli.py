"""The command line: exit codes, JSON, sentences; the originals are never touched."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from clarity_desktop import cli, settings
from clarity_desktop.backend.judge import Judgement
from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.studio import Studio
from clarity_desktop.backend.weights import Report, WeightStore, catalog
from clarity_desktop.cli.targets import Targets
from clarity_desktop.cli.terminal import print_result
from clarity_desktop.cli.train import BENCH, TRAIN
from clarity_desktop.messages import ModelMissing, UserError
from clarity_desktop.values import CLASSES, DEGRADATIONS, Detection, Finding, Quality
from tests.backend.conftest import detector as detector
from tests.backend.conftest import judge as judge
from tests.backend.conftest import plain_methods as plain_methods
from tests.backend.conftest import scorer as scorer
from tests.backend.test_pictures_raw import scene, write_dng
from tests.fakes import WarmDecoder, detection


@pytest.fixture
def file(tmp_path: Path, photo) -> Path:
    path = tmp_path / "scene.png"
    Image.fromarray(photo(120, 90)).save(path)
    return path


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image, np.int32)


@pytest.fixture
def make_studio(detector, scorer, judge) -> Callable[[settings.Settings], Studio]:
    """A studio without networks, with the user's settings."""
    return lambda own: Studio(
        own, decoder=WarmDecoder(own), detector=detector, scorer=scorer, judge=judge, models=ModelCache()
    )


@pytest.fixture
def clarity(plain_methods: None, make_studio, capsys) -> Callable[..., tuple[int, list[dict], str]]:
    """clarity(*words) → exit code, the JSON lines, what was said on stderr."""

    def run(*words: object) -> tuple[int, list[dict], str]:
        try:
            code = cli.main([str(w) for w in words], make_studio)
        except SystemExit as e:
            code = int(e.code or 0)
        out, err = capsys.readouterr()
        rows = [json.loads(line) for line in out.splitlines()] if "--json" in map(str, words) else []
        return code, rows, err

    return run


def test_restore_writes_the_result_and_tells_all_of_it(clarity, file, tmp_path) -> None:
    out = tmp_path / "out.png"
    code, [row], _ = clarity("restore", file, "-o", out, "--task", "derain", "--json")
    assert code == 0
    assert {"path", "output", "seconds", "steps", "before", "after"} <= row.keys()
    [step] = row["steps"]
    assert (step["task"], step["method"], step["kept"]) == ("derain", "halves", True)
    assert "not measured" in step["why"]  # why it was chosen
    assert row["before"].keys() == row["after"].keys() >= {"sseq", "niqe", "brisque", "piqe", "overall"}
    wanted = np.rint(read(file) * 0.5)
    assert np.abs(read(out) - wanted).max() <= 1
    named = "--method", "halves", "--if-exists", "overwrite"
    _, [row], _ = clarity("restore", file, "-o", out, "--task", "derain", *named, "--json")
    assert row["steps"][0]["why"] == "requested"


@pytest.mark.parametrize("gone", ["own-removed", "slow"])  # removed, and for another task
def test_a_preferred_method_that_is_gone_gives_way_to_the_default(clarity, file, tmp_path, gone) -> None:
    settings.save(settings.Settings(methods={"derain": gone}))
    code, [row], _ = clarity("restore", file, "-o", tmp_path / "out.png", "--task", "derain", "--json")
    assert (code, row["steps"][0]["method"]) == (0, "halves")


def test_scores_that_are_undefined_are_null_and_say_why(clarity, tmp_path, photo) -> None:
    tiny = tmp_path / "tiny.png"
    Image.fromarray(photo(9, 7)).save(tiny)
    code, [row], _ = clarity("assess", tiny, "--json")
    assert code == 0
    undefined = [m for m in ("sseq", "niqe", "brisque", "piqe") if row[m] is None]
    assert "niqe" in undefined
    assert all(row["why"][metric] for metric in undefined)


def test_detect_names_every_class_and_every_degradation_of_each_photo(clarity, detector, file) -> None:
    detector.finds = lambda _: detection({"rain streak": Finding(0.93, 0.61)})
    code, rows, _ = clarity("detect", file, file, "--json")
    assert (code, len(rows), len(detector.asked)) == (0, 2, 2)
    for row in rows:
        assert row.keys() == {"path", "top", "degradations", "full_size", "seconds"}
        assert sorted(name for name, _ in row["top"]) == sorted(CLASSES)
        assert row["top"][0] == ["rain streak", 0.86]
        assert list(row["degradations"]) == list(DEGRADATIONS)
        assert row["degradations"]["rain streak"] == {"probability": 0.93, "severity": 0.61}
    code = clarity("detect", file)[0]
    assert code == 0


def test_a_possible_problem_of_a_normal_photo_is_not_reported_as_present(
    clarity, make_studio, detector, file, capsys
) -> None:
    noisy = detection({"noise": Finding(0.55, 0.2)})
    detector.finds = lambda _: noisy
    cli.main(["detect", str(file)], make_studio)
    assert capsys.readouterr().out == f"{file}: noise 55% (severity 0.2)\n"
    detector.finds = lambda _: replace(noisy, top=detection().top)
    cli.main(["detect", str(file)], make_studio)
    assert capsys.readouterr().out == f"{file}: normal 86%; possibly noise 55%\n"


def test_several_things_are_a_blend_and_a_blend_of_nothing_likely_is_unsure(
    clarity, make_studio, detector, file, capsys
) -> None:
    for found, said in (
        (
            {"haze": Finding(0.7, 0.6), "blur": Finding(0.83, 0.7)},
            "blend: blur 83% (severity 0.7), haze 70% (severity 0.6)",
        ),
        ({"haze": Finding(0.18, 0.6), "blur": Finding(0.12, 0.7)}, "unsure; most likely haze 18% and blur 12%"),
    ):
        detector.finds = lambda _, found=found: replace(detection(found), top=(("blend", 0.96),))
        cli.main(["detect", str(file)], make_studio)
        assert capsys.readouterr().out == f"{file}: {said}\n"


def test_further_metrics_and_what_is_undefined_are_on_the_line(clarity, make_studio, scorer, file, capsys) -> None:
    def measure(name: str, _pixels: object) -> float:
        if name == "entropy":
            return 7.25
        raise UserError(f"pyiqa's metric “{name}” failed.")

    scorer.measures = measure
    settings.save(settings.Settings(metrics=("entropy", "musiq")))
    assert cli.main(["assess", str(file)], make_studio) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert ", entropy 7.25. NIQE needs a photo of at least 96 × 192 pixels. pyiqa's metric “musiq” failed." in line


def test_a_broken_photo_among_those_to_look_at_has_its_line(clarity, detector, file, tmp_path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    code, rows, _ = clarity("detect", file, bad, file, "--json")
    assert (code, ["error" in r for r in rows]) == (2, [False, True, False])


def test_auto_leaves_a_clean_photo_as_it_is(clarity, scorer, file, tmp_path) -> None:
    scorer.scores = lambda *_: Quality(overall=80.0)
    out = tmp_path / "out.png"
    code, [row], _ = clarity("restore", file, "-o", out, "--task", "auto", "--json")
    assert (code, row["steps"]) == (0, [])
    assert row["before"] == row["after"]
    assert "No problems found. Nothing to do." in row["notes"]
    assert np.array_equal(read(out), read(file))


def test_auto_tells_each_step_and_writes_what_was_kept(clarity, detector, file, tmp_path) -> None:
    bright, out = read(file).mean(), tmp_path / "out.png"
    rain = detection({"rain streak": Finding(0.93, 0.61)})
    detector.finds = lambda pixels: rain if pixels.mean() > 0.9 * bright else detection()
    code, [row], _ = clarity("restore", file, "-o", out, "--task", "auto", "--json")
    [step] = row["steps"]
    assert step.keys() == {"task", "method", "seconds", "kept", "why"}
    assert (code, step["task"], step["method"], step["kept"]) == (0, "derain", "halves", True)
    assert "93% → 2%" in step["why"]
    assert row["before"].keys() == row["after"].keys() >= {"sseq", "niqe", "brisque", "piqe", "overall"}
    assert np.abs(read(out) - np.rint(read(file) * 0.5)).max() <= 1


def test_auto_writes_the_photo_as_it_was_where_nothing_helped(clarity, detector, judge, file, tmp_path) -> None:
    judge.says = lambda *_: Judgement(0.1, 0.2, 0.7)
    detector.finds = lambda _: detection({"rain streak": Finding(0.93, 0.61)})
    out = tmp_path / "out.png"
    code, [row], _ = clarity("restore", file, "-o", out, "--task", "auto", "--json")
    assert (code, [s["kept"] for s in row["steps"]]) == (0, [False])
    assert np.array_equal(read(out), read(file))


@pytest.fixture
def jpeg(tmp_path: Path, photo) -> Path:
    path = tmp_path / "scene.jpg"
    Image.fromarray(photo(120, 90)).save(path, quality=60)
    return path


def test_auto_copies_a_file_that_it_leaves_as_it_is(clarity, make_studio, detector, jpeg, tmp_path, capsys) -> None:
    assert cli.main(["restore", str(jpeg), "-o", str(tmp_path / "out.jpg"), "--task", "auto"], make_studio) == 0
    assert "left unchanged" in capsys.readouterr().out
    assert (tmp_path / "out.jpg").read_bytes() == jpeg.read_bytes()


@pytest.mark.parametrize(("name", "metadata"), [("out.png", "all"), ("out.jpg", "none")])
def test_auto_says_where_it_saved_an_unchanged_photo_again(
    clarity, make_studio, detector, jpeg, tmp_path, capsys, name, metadata
) -> None:
    settings.save(settings.Settings(metadata=metadata))
    assert cli.main(["restore", str(jpeg), "-o", str(tmp_path / name), "--task", "auto"], make_studio) == 0
    assert "unchanged, encoded again" in capsys.readouterr().out
    assert (tmp_path / name).read_bytes() != jpeg.read_bytes()
    assert np.abs(read(tmp_path / name) - read(jpeg)).mean() < 3


def test_training_and_benches_get_their_own_words(clarity, monkeypatch) -> None:
    got: list[list[str]] = []
    module = types.ModuleType("clarity_training.evaluate.detector")
    module.main = lambda words: got.append(words) or 5
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert clarity("bench", "detector", "--zero-shot", "ViT-B-32", "--help")[0] == 5
    assert got == [["--zero-shot", "ViT-B-32", "--help"]]


@pytest.mark.parametrize("words", [*(("train", what) for what in TRAIN), *(("bench", what) for what in BENCH)])
def test_what_can_be_trained_or_measured_says_what_it_takes(clarity, capsys, words) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert any(option in said for option in ("--photos", "--marked", "--lol"))  # photos, with what is found, in pairs


def test_training_says_so_where_its_package_is_not_installed(clarity, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "clarity_training", None)  # as importlib marks what cannot be imported
    code, _, error = clarity("train", "restorer", "--photos", "x")
    assert code == 2
    assert "needs the training package" in error
    assert "pip install ./training" in error


def test_training_without_its_photos_is_a_sentence(clarity, tmp_path) -> None:
    code, _, said = clarity("train", "quality", "--photos", tmp_path / "none", "--out", tmp_path / "x.safetensors")
    assert code == 2
    assert "is not a folder" in said


def test_a_failing_file_has_its_line_and_the_others_go_on(clarity, file, tmp_path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    code, rows, said = clarity("assess", file, bad, file, "--json")
    assert code == 2
    assert ["error" in r for r in rows] == [False, True, False]
    assert "bad.jpg" in rows[1]["error"]
    assert "bad.jpg" in said


def test_a_sentence_names_the_photo_as_it_was_given(clarity, scorer, tmp_path, photo) -> None:
    scorer.scores = lambda *_: Quality(overall=80.0)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "IMG_1.jpg").write_bytes(b"not a picture")
    photos = [tmp_path / folder / "IMG_1.jpg" for folder in ("one", "two")]
    _, _, said = clarity("detect", *photos)
    assert [line.startswith(f"{path}: ") for path, line in zip(photos, said.splitlines(), strict=True)] == [True, True]
    Image.fromarray(photo(64, 48)).save(photos[0])
    _, _, said = clarity("restore", photos[0], "-o", tmp_path / "out.jpg", "--task", "auto")
    assert said.startswith(f"{photos[0]}: No problems found.")
    code, _, said = clarity("detect", "")
    assert (code, "a file name is empty" in said) == (2, True)


def test_scores_that_go_without_the_detector_say_so_once(clarity, detector, file) -> None:
    def absent(_: object) -> Detection:
        raise ModelMissing("The weights are missing: install the program again.")

    detector.finds = absent
    code, rows, said = clarity("assess", file, file, "--json")
    assert (code, [row["overall"] is None for row in rows]) == (0, [False, False])
    assert said.splitlines() == [
        "The overall score is computed without the detector. The weights are missing: install the program again."
    ]


def test_what_is_no_number_is_not_printed_as_json(capsys) -> None:
    with pytest.raises(ValueError, match="JSON"):
        print_result({"sseq": math.nan})
    assert capsys.readouterr().out == ""


def test_the_original_is_never_overwritten(clarity, file, tmp_path) -> None:
    before = file.read_bytes()
    assert clarity("restore", file, "-o", file, "--task", "derain")[0] == 2
    assert clarity("restore", file, "--out-dir", tmp_path, "--task", "derain")[0] == 2
    link = tmp_path / "link.png"
    link.symlink_to(file)
    assert clarity("restore", file, "-o", link, "--task", "derain")[0] == 2
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["restore"],
        ["fly"],
        ["restore", "IN", "-o", "x.png", "--task", "fly"],
        ["restore", "IN", "-o", "x.png", "--task", "derain", "--method", "unknown"],
        ["restore", "IN", "-o", "x.png", "--task", "auto", "--method", "halves"],
        ["detect"],
        ["detect", "nothing.png"],
        ["train", "fly"],
        ["bench"],
        ["restore", "IN", "-o", "x.png", "--task", "derain", "--strength", "2"],
        ["restore", "IN", "-o", "x.png", "--task", "derain", "--strength", "nan"],
        ["restore", "IN", "-o", "x.docx", "--task", "derain"],
        ["restore", "IN", "-o", "x.png", "--task", "derain", "--feather", "-1"],
        ["restore", "IN", "-o", "x.png", "--task", "derain", "--feather", "8"],
        ["restore", "IN", "-o", "no/such/folder/x.png", "--task", "derain"],
        ["restore", "nothing.png", "-o", "x.png", "--task", "derain"],
        ["restore", "IN", "IN", "-o", "x.png", "--task", "derain"],
        ["restore", "IN", "-o", "x.png", "--task", "derain", "--mask", "nothing.png"],
        ["assess", "nothing.png"],
        ["models", "fetch"],
        ["models", "fetch", "unknown"],
        ["models", "list", "unknown"],
        ["models", "import", ""],
    ],
)
def test_bad_usage_and_bad_input_are_a_sentence_and_exit_2(clarity, file, tmp_path, monkeypatch, words) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, said = clarity(*(file if w == "IN" else w for w in words))
    assert code == 2
    assert said.strip()
    assert "Traceback" not in said
    assert not (tmp_path / "x.png").exists()


def test_an_existing_result_is_kept_numbered_skipped_or_replaced(clarity, file, tmp_path) -> None:
    out = tmp_path / "there.png"

    def restore(*more: object) -> tuple[int, dict, str]:
        code, rows, said = clarity("restore", file, "-o", out, "--task", "derain", "--json", *more)
        return code, rows[0], said

    out.write_bytes(b"old")
    for more in ([], ["--if-exists", "error"]):
        code, row, said = restore(*more)
        assert (code, out.read_bytes()) == (2, b"old")
        assert str(out) in row["error"]
        assert "--if-exists" in said
    assert restore("--if-exists", "skip")[:2] == (0, {"path": str(file), "output": str(out), "skipped": True})
    code, row, _ = restore("--if-exists", "number")
    assert (code, row["output"], out.read_bytes()) == (0, str(tmp_path / "there (2).png"), b"old")
    code, row, _ = restore("--if-exists", "overwrite")
    assert (code, row["output"]) == (0, str(out))
    assert read(out).shape == read(tmp_path / "there (2).png").shape
    assert not list(tmp_path.glob("*~*"))


def test_results_in_a_folder_get_a_number_unless_asked_otherwise(clarity, detector, file, tmp_path) -> None:
    out = tmp_path / "out"
    words = ["restore", file, "--out-dir", out, "--json", "--task"]
    outputs = [clarity(*words, "derain")[1][0]["output"] for _ in range(3)]
    assert outputs == [str(out / name) for name in ("scene.png", "scene (2).png", "scene (3).png")]
    detector.finds = lambda _pixels: detection()
    _, [row], _ = clarity(*words, "auto")  # left unchanged: copied, under a name of its own as well
    assert row["output"] == str(out / "scene (4).png")
    assert Path(row["output"]).read_bytes() == file.read_bytes()
    code, [row], _ = clarity(*words, "derain", "--if-exists", "skip")
    assert (code, row["skipped"]) == (0, True)
    code, [row], _ = clarity(*words, "derain", "--if-exists", "error")
    assert (code, "error" in row) == (2, True)


def test_an_input_or_the_mask_is_refused_as_a_target_whatever_the_rule(clarity, file, tmp_path) -> None:
    mask = tmp_path / "mask.png"
    Image.new("L", (120, 90), 255).save(mask)
    hard, soft, mask_link = tmp_path / "hard.png", tmp_path / "soft.png", tmp_path / "mask_link.png"
    hard.hardlink_to(file)
    soft.symlink_to(file)
    mask_link.symlink_to(mask)
    before = {path: path.read_bytes() for path in sorted(tmp_path.glob("*.png"))}
    for rule in ("error", "number", "skip", "overwrite"):
        for target in (file, tmp_path / "home" / ".." / file.name, hard, soft, mask, mask_link):
            words = ["restore", file, "--mask", mask, "-o", target, "--task", "derain", "--if-exists", rule]
            code, _, said = clarity(*words)
            assert code == 2
            assert "would replace" in said
    assert {path: path.read_bytes() for path in sorted(tmp_path.glob("*.png"))} == before


def test_a_mask_limits_what_is_changed(clarity, file, tmp_path) -> None:
    mask, out = tmp_path / "mask.png", tmp_path / "out.png"
    circle = np.zeros((90, 120), np.uint8)
    cv2.circle(circle, (60, 45), 20, 255, -1)
    Image.fromarray(circle).save(mask)
    assert clarity("restore", file, "-o", out, "--task", "derain", "--mask", mask, "--feather", 0)[0] == 0
    a, b = read(file), read(out)
    assert (a[circle == 0] == b[circle == 0]).all()
    assert (a[circle > 0] != b[circle > 0]).any()


def test_a_mask_of_another_size_or_with_nothing_in_it_is_refused(clarity, file, tmp_path) -> None:
    for size, word in (((50, 50), "50 × 50"), ((90, 120), "selects nothing")):
        mask = tmp_path / "mask.png"
        Image.fromarray(np.zeros(size, np.uint8)).save(mask)
        code, _, said = clarity("restore", file, "-o", tmp_path / "o.png", "--task", "derain", "--mask", mask)
        assert code == 2
        assert word in said


def test_a_mask_of_ones_is_no_silent_success(clarity, file, tmp_path) -> None:
    mask, out = tmp_path / "mask.png", tmp_path / "out.png"
    Image.fromarray(np.ones((90, 120), np.uint8)).save(mask)
    code, _, said = clarity("restore", file, "-o", out, "--task", "derain", "--mask", mask)
    assert (code, "value 1 of 255" in said, out.exists()) == (2, True, False)


def test_the_mask_is_never_overwritten(clarity, file, tmp_path) -> None:
    mask = tmp_path / "mask.png"
    Image.new("L", (120, 90), 255).save(mask)
    before = mask.read_bytes()
    code, _, error = clarity("restore", file, "--task", "denoise", "--mask", mask, "-o", mask)
    assert (code, mask.read_bytes()) == (2, before)
    assert "replace the mask" in error


def test_targets_are_compared_with_the_inputs_in_linear_time(tmp_path, monkeypatch) -> None:
    photos = [tmp_path / f"{k}.png" for k in range(300)]
    for photo in photos:
        photo.touch()
    calls, stat = 0, os.stat

    def counting(*args, **kwargs):
        nonlocal calls
        calls += 1
        return stat(*args, **kwargs)

    monkeypatch.setattr(os, "stat", counting)
    targets = Targets(photos, None)
    for photo in photos:
        targets.claim(tmp_path / "out" / photo.name, photo)
    assert calls <= 4 * len(photos)


def test_a_bug_met_on_one_photo_does_not_stop_the_others(clarity, detector, file, tmp_path, capsys) -> None:
    def fail_once(pixels: np.ndarray) -> Detection:
        if pixels.shape[0] == 33:
            raise RuntimeError("a bug")
        return detection()

    odd = tmp_path / "odd.png"
    Image.new("RGB", (40, 33)).save(odd)
    detector.finds = fail_once
    code, rows, _ = clarity("detect", file, odd, file, "--json")
    assert code == 2
    assert [("error" in row) for row in rows] == [False, True, False]
    assert "Something went wrong inside Clarity Desktop" in rows[1]["error"]
    assert str(settings.log_file()) in rows[1]["error"]


def test_several_photos_go_to_a_folder_under_their_names(clarity, file, tmp_path, photo) -> None:
    other = tmp_path / "other.bmp"
    Image.fromarray(photo(40, 30)).save(other)
    out = tmp_path / "out"
    out.mkdir()
    code, rows, _ = clarity("restore", file, other, "--out-dir", out, "--task", "derain", "--json")
    assert code == 0
    assert [r["output"] for r in rows] == [str(out / "scene.png"), str(out / "other.bmp")]
    assert sorted(p.name for p in out.iterdir()) == ["other.bmp", "scene.png"]


def test_the_folder_for_results_is_made(clarity, file, tmp_path) -> None:
    assert clarity("restore", file, "--out-dir", tmp_path / "new" / "one", "--task", "derain")[0] == 0
    assert (tmp_path / "new" / "one" / "scene.png").is_file()


def test_a_result_is_written_over_no_other_result_and_no_other_photo(clarity, file, tmp_path, photo) -> None:
    twin, out = tmp_path / "twin" / file.name, tmp_path / "out"
    twin.parent.mkdir()
    Image.fromarray(photo(40, 30)).save(twin)
    for rule in ("error", "skip", "overwrite"):
        words = ["restore", file, twin, "--out-dir", out / rule, "--task", "derain", "--if-exists", rule, "--json"]
        code, rows, _ = clarity(*words)
        assert (code, ["error" in r for r in rows]) == (2, [False, True])
        assert str(file) in rows[1]["error"]
        assert read(out / rule / file.name).shape == read(file).shape
    code, rows, _ = clarity("restore", file, twin, "--out-dir", out, "--task", "derain", "--json")
    assert (code, [r["output"] for r in rows]) == (0, [str(out / "scene.png"), str(out / "scene (2).png")])
    assert read(out / "scene (2).png").shape == read(twin).shape
    before = twin.read_bytes()
    code, rows, _ = clarity("restore", file, twin, "--out-dir", twin.parent, "--task", "derain", "--json")
    assert (code, ["error" in r for r in rows]) == (2, [True, True])
    assert twin.read_bytes() == before


def test_a_place_that_cannot_be_written_to_is_reported_before_the_work(clarity, file, tmp_path) -> None:
    absent = file.with_name("absent.png")  # if it were read first, the error would be about it
    (tmp_path / "folder.png").mkdir()
    for out in ("missing/x.png", "folder.png", "scene.png/x.png"):
        code, [row], _ = clarity("restore", absent, "-o", tmp_path / out, "--task", "derain", "--json")
        assert code == 2
        assert "could not be saved" in row["error"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.png", "home", "scene.png"]


def test_what_was_converted_is_reported(clarity, tmp_path) -> None:
    press = tmp_path / "press.jpg"
    Image.new("CMYK", (64, 48), (10, 200, 30, 0)).save(press)
    code, _, said = clarity("restore", press, "-o", tmp_path / "out.jpg", "--task", "derain")
    assert code == 0
    assert "CMYK" in said


def test_what_the_format_cannot_hold_is_reported(clarity, tmp_path, photo) -> None:
    deep = tmp_path / "deep.png"
    cv2.imwrite(str(deep), np.dstack([photo(64, 48, depth=16), np.full((48, 64), 30_000, np.uint16)]))
    for name, lost in (("out.jpg", ["transparency", "8 bits"]), ("out.png", [])):
        code, [row], _ = clarity("restore", deep, "-o", tmp_path / name, "--task", "derain", "--json")
        assert code == 0
        assert len(row["notes"]) == len(lost)
        assert all(part in note for part, note in zip(lost, row["notes"], strict=True))


def test_what_the_format_cannot_hold_is_said_before_the_work(clarity, detector, tmp_path, photo) -> None:
    deep = tmp_path / "deep.png"
    cv2.imwrite(str(deep), photo(64, 48, depth=16))
    code, _, said = clarity("restore", deep, "-o", tmp_path / "out.jpg", "--task", "derain")
    assert code == 0
    assert said.count("8 bits per channel") == 1
    wide = tmp_path / "wide.png"
    Image.new("RGB", (16_500, 4)).save(wide)
    code, _, said = clarity("restore", wide, "-o", tmp_path / "wide.webp", "--task", "derain")
    assert code == 2
    assert "WebP holds at most 16383 pixels per side, but the photo is 16500 × 4" in said
    assert not (tmp_path / "wide.webp").exists()


def test_the_result_of_a_raw_photo_is_a_tiff_beside_it(clarity, tmp_path) -> None:
    write_dng(tmp_path / "a.dng", scene())
    before = (tmp_path / "a.dng").read_bytes()
    code, [row], _ = clarity("restore", tmp_path / "a.dng", "--out-dir", tmp_path, "--task", "derain", "--json")
    assert (code, row["output"]) == (0, str(tmp_path / "a.tif"))
    with tifffile.TiffFile(tmp_path / "a.tif") as out:
        assert out.pages[0].asarray().dtype == np.uint16
        assert b"Adobe RGB" in bytes(out.pages[0].tags[34675].value).replace(b"\0", b"")
    code, [row], _ = clarity("restore", tmp_path / "a.dng", "-o", tmp_path / "a.dng", "--task", "derain", "--json")
    assert code == 2
    code, [row], _ = clarity("restore", tmp_path / "a.dng", "-o", tmp_path / "b.dng", "--task", "derain", "--json")
    assert (code, "can be written" in row["error"]) == (2, True)
    assert (tmp_path / "a.dng").read_bytes() == before


def test_a_name_that_is_not_text_is_printed_as_plain_json(file, tmp_path) -> None:
    odd = os.fsencode(tmp_path) + b"/odd\xff\xe2.png"
    file.rename(os.fsdecode(odd))
    for words in (["--json"], []):
        done = subprocess.run(
            [sys.executable, "-m", "clarity_desktop", "assess", odd, *words],
            capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b"")
        said = done.stdout.decode("utf-8")
        assert os.fsencode(json.loads(said)["path"]) == odd if words else "odd" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_name_that_a_terminal_would_obey_is_written_out_on_one_line(
    clarity, make_studio, detector, file, capsys
) -> None:
    odd = file.with_name("two\nlines \x1b[31mred\u202egpj.png")
    odd.write_bytes(file.read_bytes())
    cli.main(["detect", str(odd), f"{odd}.not-there"], make_studio)
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == len(err.splitlines()) == 1
    assert "\x1b" not in out + err
    assert r"two\nlines \x1b[31mred\u202egpj.png: normal 86%" in out


def test_a_closed_pipe_ends_quietly_and_a_full_one_with_a_sentence(file) -> None:
    words = [sys.executable, "-m", "clarity_desktop", "assess", str(file), str(file)]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (4, b"")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert b"could not be written" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs a shell that closes streams")
def test_closed_streams_are_a_sentence_and_every_photo_is_done(file, tmp_path) -> None:
    command = f"{sys.executable} -m clarity_desktop"
    for closing, words in (
        (">&-", f"restore {file} {file} --out-dir {tmp_path}/out --task denoise"), (">&-", "models list")
    ):  # fmt: skip
        done = subprocess.run(f"{command} {words} {closing}", shell=True, capture_output=True, check=False)
        assert done.returncode == 2
        assert done.stderr.count(b"could not be written") == len(done.stderr.splitlines()) == 1
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["scene (2).png", "scene.png"]
    words = f"detect {file} {tmp_path}/none.png"
    done = subprocess.run(f"{command} {words} 2>&-", shell=True, capture_output=True, check=False)
    assert (done.returncode, len(done.stdout.splitlines())) == (2, 1)


def test_a_deleted_working_folder_is_a_sentence(clarity, file, tmp_path, monkeypatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    code, _, said = clarity("restore", file, "-o", "out.png", "--task", "derain")
    assert code == 2
    assert "folder has been deleted" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_log_on_a_full_disk_is_said_once(clarity, detector, file, tmp_path) -> None:
    def fail(_pixels: np.ndarray) -> Detection:
        raise RuntimeError("a bug")

    settings.log_file().parent.mkdir(parents=True)
    settings.log_file().symlink_to("/dev/full")
    detector.finds = fail
    code, _, said = clarity("detect", file, file)
    assert code == 2
    assert said.count("cannot be written: No space left on device") == 1
    assert "Traceback" not in said


@pytest.mark.parametrize("length", [256, 5000])
def test_names_that_are_too_long_are_a_sentence_and_the_others_are_done(clarity, file, tmp_path, length) -> None:
    long = tmp_path / ("x" * (length - 4) + ".png")
    code, _, said = clarity("restore", file, "-o", long, "--task", "derain")
    assert code == 2
    assert "could not be saved: the name is too long" in said
    assert "inside Clarity" not in said
    code, rows, said = clarity("restore", long, file, "--out-dir", tmp_path / "out", "--task", "derain", "--json")
    assert (code, ["error" in row for row in rows]) == (2, [True, False])
    assert clarity("restore", file, "--out-dir", long, "--task", "derain")[0] == 2
    code, rows, _ = clarity("restore", file, "-o", tmp_path / "o.png", "--mask", long, "--task", "derain", "--json")
    assert code == 2
    assert "inside Clarity" not in rows[0]["error"] + said


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of this kind exist on POSIX only")
def test_a_folder_that_may_not_be_entered_holds_up_nothing_else(clarity, file, tmp_path, closed_folder) -> None:
    inside = closed_folder / "photo.png"
    code, rows, _ = clarity("restore", inside, file, "--out-dir", tmp_path / "out", "--task", "derain", "--json")
    assert (code, ["error" in row for row in rows]) == (2, [True, False])
    for words in (["-o", inside], ["--out-dir", closed_folder], ["-o", tmp_path / "o.png", "--mask", inside]):
        code, [row], _ = clarity("restore", file, *words, "--task", "derain", "--json")
        assert code == 2
        assert "permission" in row["error"]


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that holds a photo and may not be entered; the superuser may, unless it gives up that right."""
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "photo.png").touch()
    folder.chmod(0)
    try:
        if os.access(folder / "photo.png", os.F_OK):
            pytest.skip("this user may enter every folder")
        yield folder
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize("command", ["restore", "detect", "assess", "models", "train", "bench"])
def test_the_help_of_each_command_shows_examples(clarity, capsys, command) -> None:
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    said = capsys.readouterr().out
    assert f"\n  clarity {command} " in said.partition("examples:")[2]


def test_sixteen_bits_stay_sixteen_bits(clarity, tmp_path, photo) -> None:
    deep, out = tmp_path / "deep.png", tmp_path / "out.png"
    cv2.imwrite(str(deep), photo(64, 48, depth=16))
    assert clarity("restore", deep, "-o", out, "--task", "derain")[0] == 0
    b = cv2.imread(str(out), cv2.IMREAD_UNCHANGED)
    assert b.dtype == np.uint16
    assert len(np.unique(b % 257)) > 8


def test_models_are_listed_one_object_each(clarity) -> None:
    code, rows, _ = clarity("models", "list", "--json")
    assert code == 0
    assert {"maxim-deraining", "maxim-denoising", "maxim-retouching", "niqe"} <= {r["id"] for r in rows}
    assert all(r["state"] in {"ready", "missing", "partial", "broken"} for r in rows)


def test_options_may_stand_before_names(clarity) -> None:
    code, rows, _ = clarity("models", "list", "--json", "niqe", "--task", "derain", "brisque")
    assert (code, {r["id"] for r in rows}) == (0, {"niqe", "brisque"})


def test_an_import_without_a_file_asks_for_one(clarity) -> None:
    code, _, said = clarity("models", "import", "--license", "MIT")
    assert code == 2
    assert "needs the name of a weights file" in said


def test_a_model_that_fails_does_not_hold_up_the_others(clarity, tmp_path) -> None:
    code, rows, said = clarity("models", "remove", "unknown", "niqe", "--json")
    assert (code, [r["id"] for r in rows]) == (2, ["niqe"])
    assert "unknown" in said
    code, rows, said = clarity("models", "verify", "niqe", "maxim-denoising", "--json")
    assert (code, [r["state"] for r in rows]) == (3, ["missing", "missing"])
    assert said.count("is not installed") == 2


@pytest.mark.skipif(os.name != "posix", reason="signals are sent to a thread")
def test_ctrl_c_ends_a_fetch(tmp_path) -> None:
    finished: list[str] = []

    class SlowStore(WeightStore):
        def fetch(self, model_id: str, report: Report) -> Path:
            for k in range(300):
                report(k / 300, "Fetching")
                if k == 1:
                    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
                time.sleep(0.01)
            finished.append(model_id)
            return tmp_path

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
    try:
        assert cli.main(["models", "fetch", "niqe"], store=SlowStore(catalog(), tmp_path)) == 4
    finally:
        signal.signal(signal.SIGINT, before)
    assert finished == []


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_while_a_result_is_written_leaves_no_part_of_it(file, tmp_path) -> None:
    out, sent = tmp_path / "out", tmp_path / "sent"
    program = (
        "import os, pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # what runs in the background ignores it
        f"out, sent = pathlib.Path({str(out)!r}), pathlib.Path({str(sent)!r})\n"
        "flush = os.fsync\n"
        "def slow(handle):\n"
        "    if list(out.glob('*.tmp')):\n"
        "        while not sent.exists(): time.sleep(0.01)\n"
        "        time.sleep(1)\n"  # the signal reaches the main thread
        "    flush(handle)\n"
        "os.fsync = slow\n"
        "from clarity_desktop import cli\n"
        f"sys.exit(cli.main(['restore', {str(file)!r}, '--out-dir', {str(out)!r}, '--task', 'denoise',"
        " '--method', 'clarity-all']))"
    )
    running = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 300
    while not list(out.glob("*.tmp")) and running.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    sent.touch()
    _, error = running.communicate(timeout=60)
    assert running.returncode == cli.CANCELLED, error
    assert not list(out.iterdir())


@pytest.mark.parametrize("library", ["argparse", "numpy"])  # of the command line, and of its command
def test_ctrl_c_while_libraries_load_is_a_sentence(library) -> None:
    code = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {library!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from clarity_desktop import cli\n"
        "sys.argv = ['clarity', 'detect', 'none.png']\n"
        "cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (4, "Cancelled before anything was done.\n")


def test_verify_without_names_is_about_what_is_installed(clarity, weights) -> None:
    code, bundled, _ = clarity("models", "verify", "--json")
    assert code == 0
    assert "niqe" not in [r["id"] for r in bundled]
    weights("niqe")
    code, rows, _ = clarity("models", "verify", "--json")
    assert (code, {r["id"] for r in rows}) == (0, {"niqe", *(r["id"] for r in bundled)})


def _program(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clarity_desktop", *words], capture_output=True, text=True, check=False
    )


def test_a_missing_model_is_exit_3_and_says_what_to_get_and_where_to_put_it(file, tmp_path) -> None:
    words = ("--task", "derain", "--method", "maxim-deraining")
    done = _program("restore", str(file), "-o", str(tmp_path / "x.png"), *words)
    assert done.returncode == 3
    assert "clarity models fetch maxim-deraining" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_the_module_runs_commands_and_says_its_version() -> None:
    done = _program("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("Clarity Desktop ")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux may have no screen")
def test_a_first_run_that_may_not_write_is_a_sentence(tmp_path, weights, monkeypatch) -> None:
    for model in ("maxim-deraining", "niqe"):
        weights(model)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # no proxy listens there: nothing is downloaded
    (tmp_path / "out").write_bytes(b"not a folder")
    monkeypatch.chdir(tmp_path)
    done = _program("--first-run")
    assert done.returncode == 2
    assert "The folder out cannot be created" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["-o", "--out-dir", "--mask"])
def test_an_empty_name_is_refused_wherever_a_file_is_named(clarity, file, tmp_path, option) -> None:
    where = () if option != "--mask" else ("-o", tmp_path / "out.png")
    code, _, said = clarity("restore", file, "--task", "derain", *where, option, "")
    assert (code, f"{option}: a file name is empty" in said.replace("-o/--output", "-o")) == (2, True)


def test_a_task_that_needs_a_mask_says_so_before_a_photo_is_read(file, tmp_path, capsys) -> None:
    code = cli.main(
        ["restore", str(file), str(tmp_path / "missing.png"), "--out-dir", str(tmp_path), "--task", "inpaint"]
    )
    said = capsys.readouterr().err
    assert (code, said.count("\n"), "--mask" in said) == (2, 1, True)


def test_help_appears_without_torch_or_qt() -> None:
    code = (
        "import sys; from clarity_desktop import cli\n"
        "try: cli.main(['restore', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(bool({'torch', 'PySide6', 'cv2'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0
