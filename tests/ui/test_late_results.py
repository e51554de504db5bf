"""Results that come late are not applied to another photo or version, and outdated requests end."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import a_photo, a_window, settled, until

from clarity_desktop import messages as m
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.values import Adjustments


async def test_the_size_of_an_export_is_shown_in_its_own_dialog_only():
    async with a_window() as (window, link):
        first = await a_photo(window, "a.jpg")
        link.gates[m.EstimateSize] = asyncio.Event()
        window.action["export"].trigger()
        await until(lambda: bool(link.of(m.EstimateSize)))
        [late] = window.session.running(m.EstimateSize)
        assert window.export_commands.dialog is not None
        window.export_commands.dialog.reject()
        assert [type(r) for r in link.cancelled] == [m.EstimateSize]
        await settled(window)
        assert late.state is first
        await a_photo(window, "b.jpg")
        window.action["export"].trigger()
        dialog: Any = window.export_commands.dialog
        before = dialog.size_label.text()
        window.export_commands.show_size(late, m.SizeEstimated(12_000_000, ()))
        assert dialog.size_label.text() == before
        link.gates[m.EstimateSize].set()
        dialog.reject()


async def test_a_gray_point_of_an_earlier_version_changes_nothing():
    async with a_window() as (window, _link):
        state = await a_photo(window)
        assert state.id is not None
        assert state.head is not None
        asked, original = m.PickWhite(state.id, state.head, 5, 5), state.head
        window.action["rotate_right"].trigger()
        await settled(window)
        window.adjust_commands.use_white(PendingRequest(asked, state), m.WhitePicked(state.id, original, 0.5, 0.1))
        assert window.adjust.values() == Adjustments()
        assert state.head is not None
        window.adjust_commands.use_white(PendingRequest(asked, state), m.WhitePicked(state.id, state.head, 0.5, 0.1))
        assert window.adjust.values().temperature == 0.5
        window.adjust_commands.discard()


async def test_only_the_newest_version_is_read_for_the_histogram():
    async with a_window() as (window, link):
        link.gates[m.ReadInfo] = asyncio.Event()
        window.sides.reveal("info")
        await a_window_with_versions(window)
        assert len(link.of(m.ReadInfo)) > 1
        await until(lambda: len(window.session.running(m.ReadInfo)) == 1)
        link.gates[m.ReadInfo].set()


async def a_window_with_versions(window: Any) -> None:
    window.file_commands.open_paths(window.session.samples[:1])
    await until(lambda: bool(window.current and window.current.card))
    for count in (2, 3, 4):
        window.action["rotate_right"].trigger()
        await until(lambda count=count: len(window.current.versions) == count)


async def test_a_batch_goes_on_over_thousands_of_closed_photos():
    async with a_window() as (window, _link):
        await a_photo(window)
        photos: Any = [SimpleNamespace(title=f"{k}.jpg") for k in range(2000)]
        window.batch_commands._start("", photos, lambda _state: None, "Export all")
        dialog = window.batch_commands.dialog
        assert dialog is not None
        assert set(dialog.texts()) == {"Closed"}
        dialog.close()


async def test_an_error_in_work_of_the_window_is_logged(caplog: pytest.LogCaptureFixture):
    async def fail() -> None:
        raise RuntimeError("a bug")

    async with a_window() as (window, _link):
        with caplog.at_level(logging.ERROR):
            window.session.spawn(fail())
            await until(lambda: "a bug" in caplog.text)
