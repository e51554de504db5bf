"""Atomic writing: the new content is flushed before it gets the name, and a failure changes nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import IO

import pytest

from clarity_desktop.file_io import publish_atomically, write_atomically


@pytest.mark.parametrize("name", ["settings.json", "é" * 120, "x" * 255])
def test_bytes_replace_a_file_and_missing_folders_are_created(tmp_path: Path, name: str) -> None:
    path = tmp_path / "new" / "folder" / name
    for content in (b"first", b"second"):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_a_function_writes_into_the_open_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_atomically(path, lambda file: [file.write(b"one "), file.write(b"two")])
    assert path.read_bytes() == b"one two"


def test_a_file_that_is_published_under_another_name_leaves_no_temporary_file(tmp_path: Path) -> None:
    def link(temporary: Path, path: Path) -> Path:
        other = path.with_name("b")
        other.hardlink_to(temporary)
        return other

    written = publish_atomically(tmp_path / "a", lambda temporary: temporary.write_bytes(b"new"), link)
    assert list(tmp_path.iterdir()) == [written] == [tmp_path / "b"]


def test_a_file_that_is_not_published_leaves_nothing(tmp_path: Path) -> None:
    def refuse(temporary: Path, path: Path) -> None:
        raise FileExistsError(path)

    with pytest.raises(FileExistsError):
        publish_atomically(tmp_path / "a", lambda temporary: temporary.write_bytes(b"new"), refuse)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_an_error_while_writing_keeps_the_old_file_and_leaves_nothing(tmp_path: Path, failure: BaseException) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail(file: IO[bytes]) -> None:
        file.write(b"half")
        raise failure

    with pytest.raises(type(failure)):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_content_is_on_the_disk_before_it_gets_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    states: list[tuple[bool, bool]] = []
    fsync = os.fsync

    def observe(handle: int) -> None:
        states.append((path.exists(), os.path.isdir(f"/dev/fd/{handle}")))  # noqa: PTH112 — a descriptor
        fsync(handle)

    monkeypatch.setattr(os, "fsync", observe)
    write_atomically(path, b"new")
    assert states[0] == (False, False)
    assert states[1:] == ([(True, True)] if os.name == "posix" else [])
