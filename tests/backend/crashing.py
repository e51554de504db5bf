"""The process that test_crash kills, again and again: works on a document and says what it has done.

Reads lines "folder store mode seed" and forks a child for each; the child lives until it is killed. Says on its
standard output: "ready", then, from each child, "pid N" and what it does, and "dead" once it is.
"""

from __future__ import annotations

import hashlib
import os
import sys
import traceback
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from clarity_desktop.backend.document import Document
from clarity_desktop.values import Bounds, Picture, Step, Turn

WIDTH, HEIGHT = 1600, 1200
THUMBNAIL = np.zeros((96, 128, 3), np.uint8)


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())  # one write: lines of two processes do not mix


def digest(pixels: np.ndarray) -> str:
    return hashlib.blake2b(np.ascontiguousarray(pixels).data.cast("B"), digest_size=16).hexdigest()


def change(document: Document, luck: np.random.Generator) -> None:
    """Add one version, and sometimes star it or say something."""
    parent = document.card().head
    pixels, changed = document.pixels(parent).copy(), None
    if luck.random() < 0.2:
        changed = Bounds(int(luck.integers(1000)), int(luck.integers(600)), 600, 600)
    pixels[changed.slices() if changed else ...] ^= luck.integers(1, 256, dtype=np.uint8)
    say("adding")
    checkpoint = partial(say, "stored")  # a few tiles of the version are in the store, the version is not
    version = document.add(parent, Step("restore"), pixels, changed=changed, thumbnail=THUMBNAIL, checkpoint=checkpoint)
    say("committed", version.id, digest(pixels))
    if luck.random() < 0.5:
        document.edit(version.id, star=True)
        say("starred", version.id)
    if luck.random() < 0.3:
        document.add_turn(Turn("user", "again"))
        document.undo()


def live(folder: Path, store: str, mode: str, seed: int) -> None:
    luck = np.random.default_rng(seed)
    if store == "new":
        noise = cv2.resize(luck.integers(0, 256, (HEIGHT // 2, WIDTH // 2, 3), np.uint8), (WIDTH, HEIGHT))
        document = Document.create(folder, Picture(noise), "photo")
        say("committed", document.card().head, digest(noise))
    else:
        document = Document.open(Path(store))
    while True:
        change(document, luck)
        if mode == "save":
            say("saving")
            document.save_project(folder / "saved.clarity")
            say("saved", len(document.card().versions))


def main() -> None:
    cv2.setNumThreads(1)  # threads do not survive a fork
    say("ready")
    for line in sys.stdin:
        folder, store, mode, seed = line.split()
        if (pid := os.fork()) == 0:
            say("pid", os.getpid())
            try:
                live(Path(folder), store, mode, int(seed))
            except BaseException:  # noqa: BLE001 — a child must not go on as its parent
                say("failed", traceback.format_exc().replace("\n", " | "))
            os._exit(1)
        os.waitpid(pid, 0)
        say("dead")


if __name__ == "__main__":
    main()
