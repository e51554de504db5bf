"""The window as a program: errors where no window can be shown, and a whole short run."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from clarity_desktop import app

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has several window systems")


@linux
def test_without_a_screen_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert "no screen" in (app.check_display() or "")


@linux
def test_a_display_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch):
    for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":4711")
    assert (
        app.check_display(x_libraries={})
        == "There is no screen to open a window on: the display :4711 does not answer."
    )


@linux
def test_offscreen_needs_no_display(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.delenv("DISPLAY", raising=False)
    assert app.check_display() is None


def test_missing_libraries_are_named_by_their_packages(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setattr(sys, "platform", "linux")
    sentence = app.check_display({"libno-such-thing.so.1": "libno-such-thing1"}) or ""
    assert sentence.endswith("sudo apt-get install libno-such-thing1")


SCRIPT = """
import sys, json, threading
from clarity_desktop import app
from PySide6.QtCore import QTimer
at_paint = {}
def look(window):
    heavy = {"torch", "cv2", "scipy", "PIL", "clarity_desktop.backend.studio"} & set(sys.modules)
    at_paint.update({"heavy": sorted(heavy), "backend": window.link is not None})
def begin(window):
    window.painted.disconnect()  # look before the backend starts
    window.painted.connect(lambda: look(window))
    window.painted.connect(lambda: app.start_backend(window))
    QTimer.singleShot(1500, window.close)
code = app.show(begin)
print(json.dumps({"code": code, "left": [t.name for t in threading.enumerate() if "clarity" in t.name], **at_paint}))
"""


def test_the_window_paints_before_anything_heavy_is_imported_and_ends_cleanly():
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, env=os.environ)
    assert ran.returncode == 0, ran.stderr
    printed = json.loads(ran.stdout.strip().splitlines()[-1])
    assert printed == {"code": 0, "left": [], "heavy": [], "backend": False}
    assert "Traceback" not in ran.stderr
