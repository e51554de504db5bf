"""`clarity macro run`: many files, existing results, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clarity_desktop.backend import macro
from clarity_desktop.backend.macro import Macro
from clarity_desktop.backend.plan import (
    AdjustCall,
    BoxRegion,
    RestoreCall,
    TextRegion,
    TransformCall,
    TransformSettings,
)
from clarity_desktop.values import Finding
from tests.backend.conftest import detector as detector
from tests.backend.conftest import judge as judge
from tests.backend.conftest import plain_methods as plain_methods
from tests.backend.conftest import scorer as scorer
from tests.check import ROOT
from tests.fakes import detection
from tests.test_cli import clarity as clarity
from tests.test_cli import file as file
from tests.test_cli import make_studio as make_studio
from tests.test_cli import read

DERAIN = RestoreCall("derain")
TURN = TransformCall(TransformSettings(rotate=90))


@pytest.fixture
def write(tmp_path: Path):
    """write(*steps): a macro file of these steps."""

    def to_file(*steps) -> Path:
        path = tmp_path / "steps.clarity-macro"
        macro.write(Macro("steps", steps), path)
        return path

    return to_file


def test_the_steps_run_in_order_and_all_of_it_is_reported(clarity, write, file, tmp_path) -> None:
    out = tmp_path / "out.png"
    box = BoxRegion((0.0, 0.0, 0.5, 1.0))
    code, [row], _ = clarity(
        "macro", "run", write(DERAIN, TURN, AdjustCall({"exposure": 0.1}, box)), file, "-o", out, "--json"
    )
    assert code == 0
    assert {"path", "output", "seconds", "steps", "before", "after"} <= row.keys()
    assert [(s["tool"], s["task"], s["method"], s["kept"]) for s in row["steps"]] == [
        ("restore", "derain", "halves", True), ("transform", None, None, True), ("adjust", None, None, True),
    ]  # fmt: skip
    assert row["before"].keys() == row["after"].keys() >= {"sseq", "niqe", "brisque", "piqe", "overall"}
    turned = np.rot90(np.rint(read(file) * 0.5), -1)
    assert np.abs(read(out)[:, 45:] - turned[:, 45:]).max() <= 1
    assert (read(out)[:, :45] - turned[:, :45]).mean() > 1


def test_several_photos_and_a_broken_one(clarity, write, file, tmp_path) -> None:
    broken, other = tmp_path / "broken.jpg", tmp_path / "other.png"
    broken.write_bytes(b"\xff\xd8\xff\xe0" + b"not a picture" * 40)
    Image.open(file).rotate(180).save(other)
    code, rows, err = clarity(
        "macro", "run", write(DERAIN), file, broken, other, "--out-dir", tmp_path / "made", "--json"
    )
    assert code == 2
    assert [Path(row["path"]) for row in rows] == [file, broken, other]
    assert ["error" in row for row in rows] == [False, True, False]
    assert "broken.jpg" in err
    assert sorted(p.name for p in (tmp_path / "made").iterdir()) == ["other.png", "scene.png"]


def test_what_is_not_there_fails_for_that_photo_before_anything_is_changed(clarity, write, file, tmp_path) -> None:
    steps = write(DERAIN, RestoreCall("derain", TextRegion("the purple submarine")))
    code, [row], _ = clarity("macro", "run", steps, file, "-o", tmp_path / "out.png", "--json")
    assert code == 2
    assert row["error"]
    assert not (tmp_path / "out.png").exists()


def test_existing_results_are_kept_numbered_skipped_or_replaced(clarity, write, file, tmp_path) -> None:
    steps, out = write(DERAIN), tmp_path / "out.png"
    out.write_bytes(b"mine")
    assert clarity("macro", "run", steps, file, "-o", out)[0] == 2
    code, [row], _ = clarity("macro", "run", steps, file, "-o", out, "--if-exists", "skip", "--json")
    assert (code, row) == (0, {"path": str(file), "output": str(out), "skipped": True})
    assert out.read_bytes() == b"mine"
    assert clarity("macro", "run", steps, file, "-o", out, "--if-exists", "overwrite")[0] == 0
    assert out.read_bytes() != b"mine"
    made = tmp_path / "made"
    names = [clarity("macro", "run", steps, file, "--out-dir", made, "--json")[1][0]["output"] for _ in range(2)]
    assert names == [str(made / "scene.png"), str(made / "scene (2).png")]


def test_no_input_and_no_macro_is_replaced(clarity, write, file, tmp_path) -> None:
    steps, before = write(DERAIN), file.read_bytes()
    assert clarity("macro", "run", steps, file, "-o", file, "--if-exists", "overwrite")[0] == 2
    assert file.read_bytes() == before
    as_png = steps.rename(tmp_path / "steps.png")
    kept = as_png.read_bytes()
    assert clarity("macro", "run", as_png, file, "-o", as_png, "--if-exists", "overwrite")[0] == 2
    assert as_png.read_bytes() == kept


def test_what_is_wrong_with_the_words_is_said_before_a_photo_is_read(clarity, write, file, tmp_path) -> None:
    missing = tmp_path / "missing.png"
    for words, said in {
        (tmp_path / "none", file, "-o", tmp_path / "x.png"): "cannot be read",
        (file, file, "-o", tmp_path / "x.png"): "not a macro",
        (write(DERAIN), file, missing, "-o", tmp_path / "x.png"): "--out-dir",
    }.items():
        code, _, err = clarity("macro", "run", *words)
        assert (code, said in err) == (2, True), err
    unknown = write(RestoreCall("derain", method="no-such-method"))
    code, _, err = clarity("macro", "run", unknown, missing, "-o", tmp_path / "x.png")
    assert code == 2
    assert "no-such-method" in err
    assert clarity("macro", "fly", unknown, file, "-o", tmp_path / "x.png")[0] == 2


def test_a_photo_that_auto_leaves_alone_is_copied(clarity, write, tmp_path, photo) -> None:
    path = tmp_path / "clean.jpg"
    Image.fromarray(photo(80, 60)).save(path)
    code, [row], _ = clarity("macro", "run", write(RestoreCall("auto")), path, "--out-dir", tmp_path / "made", "--json")
    assert code == 0
    assert (tmp_path / "made" / "clean.jpg").read_bytes() == path.read_bytes()
    [step] = row["steps"]
    assert (step["task"], step["kept"]) == ("auto", False)
    assert step["why"]


def test_what_auto_decides_is_reported(clarity, write, detector, file, tmp_path) -> None:
    detector.finds = lambda _: detection({"rain streak": Finding(0.9, 0.7)})
    code, [row], _ = clarity("macro", "run", write(RestoreCall("auto")), file, "-o", tmp_path / "out.png", "--json")
    assert code == 0
    assert [(s["task"], s["method"], s["kept"]) for s in row["steps"]] == [("derain", "halves", True)]


def test_nothing_is_left_among_the_users_documents(clarity, write, file, tmp_path, home) -> None:
    clarity("macro", "run", write(DERAIN), file, "-o", tmp_path / "out.png")
    assert not [p for p in home.rglob("*") if p.suffix in (".store", ".new")]


def test_deep_transparent_photos_keep_depth_alpha_and_profile(clarity, write, tmp_path) -> None:
    import cv2

    pixels = np.linspace(0, 65535, 40 * 30 * 4).reshape(30, 40, 4).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), pixels)
    assert clarity("macro", "run", write(TURN), tmp_path / "deep.png", "-o", tmp_path / "out.png")[0] == 0
    made = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert made.dtype == np.uint16
    np.testing.assert_array_equal(made[..., 3], np.rot90(pixels[..., 3], -1))


def test_ctrl_c_keeps_what_is_finished(write, tmp_path, photo) -> None:
    """In a process of its own: the first photo is done, the second is interrupted."""
    for name in ("a.png", "b.png"):
        Image.fromarray(photo(400, 300)).save(tmp_path / name)
    made = tmp_path / "made"
    script = tmp_path / "run.py"
    script.write_text(
        "import os, sys, time\n"
        "from dataclasses import replace\n"
        "from clarity_desktop import cli\n"
        "from clarity_desktop.backend import methods\n"
        "from tests.fakes import HALVES\n"
        "def load(*_):\n"
        "    def run(tile, mask, job):\n"
        f"        while os.path.exists({str(made / 'a.png')!r}):\n"
        "            time.sleep(0.01); job.checkpoint()\n"
        "        return tile\n"
        "    return run\n"
        "methods.METHODS.clear()\n"
        "methods.METHODS['halves'] = replace(HALVES, load=load)\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    words = ["macro", "run", write(DERAIN), tmp_path / "a.png", tmp_path / "b.png", "--out-dir", made, "--json"]
    env = {**os.environ, "TMPDIR": str(tmp_path / "scratch"), "PYTHONPATH": str(ROOT)}
    (tmp_path / "scratch").mkdir()
    done = subprocess.Popen(
        [sys.executable, str(script), *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
        # A test run in the background ignores the signal, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert done.stdout is not None
    [row] = [json.loads(done.stdout.readline())]
    done.send_signal(signal.SIGINT)
    _, err = done.communicate(timeout=60)
    assert done.returncode == 4, err
    assert "Cancelled" in err
    assert row["output"] == str(made / "a.png")
    assert [p.name for p in made.iterdir()] == ["a.png"]
    assert not list((tmp_path / "scratch").glob("clarity-macro-*"))
