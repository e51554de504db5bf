"""The first import of torch, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import gc, sys, threading
from clarity_desktop.backend import gently
assert "torch" not in sys.modules
threads = [threading.Thread(target=gently.import_torch) for _ in range(3)]
[t.start() for t in threads]
[t.join() for t in threads]
import torch
assert torch.ones(2).sum() == 2
assert gc.isenabled()
assert gc.get_freeze_count() > 50_000
"""


def test_torch_is_imported_once_and_works_and_the_collector_goes_on():
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr


def test_without_its_libraries_the_import_does_it_all(monkeypatch):
    from clarity_desktop.backend import gently

    monkeypatch.setattr(sys, "platform", "darwin")
    loaded: list[object] = []
    monkeypatch.setattr("ctypes.CDLL", loaded.append)
    gently._load_libraries()
    assert loaded == []
