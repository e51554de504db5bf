"""`clarity plan`: its JSON, histories, exit codes, and that it needs no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from clarity_desktop import cli

HISTORY = [
    {"role": "user", "text": "remove the rain"},
    {
        "role": "assistant", "text": "Done.",
        "steps": [{"tool": "restore", "task": "derain", "region": None, "method": None, "strength": None,
                   "version": None}, {"tool": "of another release"}],
        "versions": [{"id": "a7", "label": "original"}, {"id": "b8", "label": "derain (maxim-deraining)"}],
    },
]  # fmt: skip


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"no pixels are read")
    return path


def test_a_request_is_printed_as_a_plan(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", str(photo), "denoise only the sky, just a touch", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == {"steps", "question", "reply"}
    assert found["steps"] == [
        {"tool": "restore", "task": "denoise", "region": {"kind": "text", "text": "sky"}, "method": None,
         "strength": 0.4, "version": None}
    ]  # fmt: skip


def test_a_history_tells_what_a_request_is_about(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = tmp_path / "history.json"
    history.write_text(json.dumps(HISTORY))
    assert cli.main(["plan", str(photo), "go back to before the deraining", "--history", str(history), "--json"]) == 0
    [step] = json.loads(capsys.readouterr().out)["steps"]
    assert (step["tool"], step["version"]) == ("go_to", "a7")


def test_a_plan_is_printed_for_people(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", str(photo), "denoise the sky, then rotate it left"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        '1. restore task="denoise" region="sky"', '2. transform settings={"rotate": 270}',
    ]  # fmt: skip


@pytest.mark.parametrize("stored", ["{", "{}", '[{"role": "system"}]', '[{"role": "user", "text": 3}]', "[" * 100_000])
def test_a_broken_history_is_a_sentence(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], stored: str
) -> None:
    history = tmp_path / "history.json"
    history.write_text(stored)
    assert cli.main(["plan", str(photo), "undo", "--history", str(history), "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "history" in err


def test_a_missing_photo_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", str(tmp_path / "none.jpg"), "undo"]) == 2
    assert "none.jpg" in capsys.readouterr().err


def test_a_plan_needs_no_heavy_library(photo: Path) -> None:
    heavy = [
        "asyncio",
        "clarity_desktop.messages",
        "torch",
        "torchvision",
        "transformers",
        "cv2",
        "scipy",
        "pydantic",
        "PIL.Image",
        "PySide6",
    ]
    program = (
        "import sys; from clarity_desktop.cli import main; code = main(sys.argv[1:]); "
        f"print([name for name in {heavy} if name in sys.modules], code, file=sys.stderr)"
    )
    words = ["plan", str(photo), "remove the rain and the noise", "--json"]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[] 0"
