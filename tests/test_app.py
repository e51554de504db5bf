"""The program around the window: what it says where no window can be shown, and the whole of a short run."""

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
    monkeypatch.setattr(app, "X_LIBRARIES", {})
    assert app.check_display() == "There is no screen to open a window on: the display :4711 does not answer."


@linux
def test_offscreen_needs_no_display(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.delenv("DISPLAY", raising=False)
    assert app.check_display() is None


def test_missing_libraries_are_named_by_their_packages(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setattr(app, "LIBRARIES", {"libno-such-thing.so.1": "libno-such-thing1"})
    monkeypatch.setattr(sys, "platform", "linux")
    assert (app.check_display() or "").endswith("sudo apt-get install libno-such-thing1")


SCRIPT = """
import sys, json, time
from clarity_desktop import app
from PySide6.QtCore import QTimer
import clarity_desktop.ui.main_window as mw
at_paint = {}
old = mw.MainWindow.__init__
def look(window):
    heavy = {"torch", "cv2", "scipy", "PIL", "clarity_desktop.backend.studio"} & set(sys.modules)
    at_paint.update({"heavy": sorted(heavy), "no backend yet": window.link is None})
def init(self, *a, **k):
    old(self, *a, **k)
    self.painted.connect(lambda: look(self))
    QTimer.singleShot(1500, self.close)
mw.MainWindow.__init__ = init
code = app.run([])
import threading
print(json.dumps({"code": code, "left": [t.name for t in threading.enumerate() if "clarity" in t.name], **at_paint}))
"""


def test_the_window_paints_before_anything_heavy_is_imported_and_ends_cleanly():
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, env=os.environ)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout.strip().splitlines()[-1])
    assert said == {"code": 0, "left": [], "heavy": [], "no backend yet": True}
    assert "Traceback" not in ran.stderr
