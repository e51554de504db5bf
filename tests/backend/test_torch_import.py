"""The first import of torch, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import gc, sys, threading
from clarity_desktop.backend import torch_import
assert "torch" not in sys.modules
threads = [threading.Thread(target=torch_import.import_torch) for _ in range(3)]
[t.start() for t in threads]
[t.join() for t in threads]
import torch
assert torch.ones(2).sum() == 2
assert gc.isenabled()
assert gc.get_freeze_count() > 50_000
"""

PHOTO = """
import weakref
import numpy as np
from clarity_desktop.backend import torch_import

def looked_at():
    pixels = np.zeros((2, 3, 3), np.uint8)
    torch_import.import_torch()
    return weakref.ref(pixels)

assert looked_at()() is None
"""
DOCUMENT = """
import gc, tempfile, weakref
from pathlib import Path
import numpy as np
from clarity_desktop.backend import torch_import
from clarity_desktop.backend.document import Document
from clarity_desktop.values import Picture

folder = tempfile.TemporaryDirectory()
document = Document.create(Path(folder.name), Picture(np.zeros((300, 300, 3), np.uint8)), "scene")
head = document.card().head
document.manifest(head)
document.pixels(head)
alive = weakref.ref(document)
torch_import.import_torch()
document.close(keep=False)
del document
assert alive() is None, "freed without the collector, which does not see it any more"
"""
EARLY = """
import os, sys
from clarity_desktop.backend import torch_import

early = torch_import.EarlyImport()
assert torch_import.loaded() is None
early.go_on()
while torch_import.loaded() is None:
    if "torch" not in sys.modules:
        torch_import.import_torch()
import torch
assert torch_import.loaded() is torch
assert torch.ones(2).sum() == 2
"""
EARLY_END = """
import os, sys
from clarity_desktop.backend import torch_import

torch_import.EarlyImport().go_on()
sys.stdout.flush()
os._exit(0)
"""
BROKEN = """
import importlib
from clarity_desktop.backend import torch_import

def broken(name):
    raise ImportError("a library is missing")

torch_import._load_libraries = lambda: None
importlib.import_module = broken
try:
    torch_import.import_torch()
except ImportError as e:
    assert str(e) == "a library is missing"
else:
    raise AssertionError
"""


def run(script: str) -> None:
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr


def test_torch_is_imported_once_and_works_and_the_collector_goes_on():
    run(SCRIPT)


def test_the_photo_that_torch_is_first_imported_for_is_freed():
    run(PHOTO)


def test_a_document_that_was_open_before_the_import_is_freed_when_it_is_closed():
    run(DOCUMENT)


def test_an_early_import_is_the_same_and_unfinished_it_does_not_count_as_loaded():
    run(EARLY)
    run(EARLY_END)


def test_a_failing_import_of_torch_reaches_the_caller():
    run(BROKEN)


def test_without_its_libraries_the_import_does_it_all(monkeypatch):
    from clarity_desktop.backend import torch_import

    monkeypatch.setattr(sys, "platform", "darwin")
    loaded: list[object] = []
    monkeypatch.setattr("ctypes.CDLL", loaded.append)
    torch_import._load_libraries()
    assert loaded == []
