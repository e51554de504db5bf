"""Fixtures of the training tests: folders of small photos, torch's threads restored, no network."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from clarity_training.photos import Split, split_of
from PIL import Image

SplitFolder = Callable[..., Path]


@pytest.fixture(autouse=True)
def torch_threads() -> Iterator[None]:
    """One thread, which is fastest for tiny networks; afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that asks for the network fails."""

    def refuse(*_: object) -> None:
        pytest.fail("something asked for the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


@pytest.fixture
def split_folder(tmp_path: Path, photo: Callable[..., np.ndarray]) -> SplitFolder:
    """split_folder(train=2, test=1, size=(96, 80)): a folder with n photos of each split."""

    def make(size: tuple[int, int] = (96, 80), **counts: int) -> Path:
        folder = tmp_path / "photos"
        folder.mkdir()
        left: dict[Split, int] = {"train": 0, "validation": 0, "test": 0, **counts}
        for k in range(1000):
            path = folder / f"p{k}.png"
            if left[split_of(path)]:
                left[split_of(path)] -= 1
                Image.fromarray(photo(*size, seed=k)).save(path)
        assert not any(left.values())
        return folder

    return make
