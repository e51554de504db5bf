"""Paths of photos in messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from clarity_desktop.ui.commands.typed_path import find_path, only_opens


@pytest.mark.parametrize(
    ("message", "path", "text"),
    [
        ("/photos/b.jpg", "/photos/b.jpg", ""),
        ("  '/photos/my cat.JPEG'  ", "/photos/my cat.JPEG", ""),
        ("/photos/my cat.png remove the rain", "/photos/my cat.png", "remove the rain"),
        ("file:///photos/my%20cat.png: fix it", "/photos/my cat.png", "fix it"),
        ("remove the rain from /photos/b.tif, please", "/photos/b.tif", "remove the rain from this photo please"),
        ("fix this: /photos/b.heic", "/photos/b.heic", "fix this"),
        ("/photos/a.clarity\nwhat is wrong with it?", "/photos/a.clarity", "what is wrong with it?"),
    ],
)
def test_a_path_is_found_with_what_else_is_said(message: str, path: str, text: str) -> None:
    found = find_path(message)
    assert found is not None
    assert found == (Path(path), text)


@pytest.mark.parametrize(
    "message",
    ["remove the rain", "save it as /photos/b.jpg", "export to ~/b.png", "and/or.jpg", "https://example.org/b.jpg",
     "denoise b.jpg", "//server/share/b.jpg", "/photos/notes.txt", "is it 3/4.png?"],
)  # fmt: skip
def test_other_messages_name_no_photo(message: str) -> None:
    assert find_path(message) is None


def test_home_is_known() -> None:
    found = find_path("~/b.jpg")
    assert found is not None
    assert found.path == Path.home() / "b.jpg"


def test_opening_alone_is_nothing_to_say() -> None:
    assert only_opens("open this photo")
    assert only_opens("Please now load this photo!")
    assert not only_opens("open this photo and remove the rain")
