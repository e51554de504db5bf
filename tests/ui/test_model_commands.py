"""Downloading and removing models in the window."""

from __future__ import annotations

import asyncio

import pytest
from fakes import FakeLink, a_window, settled, until
from PySide6.QtWidgets import QMessageBox

from clarity_desktop import messages as m
from clarity_desktop.messages import UserError
from clarity_desktop.ui.dialogs.models import ModelsDialog
from clarity_desktop.ui.main_window import MainWindow


def opened(window: MainWindow) -> ModelsDialog:
    window.action["models"].trigger()
    assert window.model_commands.dialog is not None
    return window.model_commands.dialog


def states(dialog: ModelsDialog) -> list[str]:
    return [dialog.list.topLevelItem(k).text(1) for k in range(dialog.list.topLevelItemCount())]


async def downloading_all(window: MainWindow, link: FakeLink) -> ModelsDialog:
    dialog = opened(window)
    link.gates[m.FetchModel] = asyncio.Event()
    dialog.fetch_all.click()
    await until(lambda: bool(link.of(m.FetchModel)))
    return dialog


async def test_all_models_are_downloaded_one_after_the_other():
    async with a_window() as (window, link):
        dialog = await downloading_all(window, link)
        absent = [model.id for model in link.models if model.state != "ready"]
        assert [r.model for r in link.of(m.FetchModel)] == absent[:1]
        assert states(dialog)[-1] == "Queued"
        link.gates[m.FetchModel].set()
        await settled(window)
        assert [r.model for r in link.of(m.FetchModel)] == absent
        assert set(states(dialog)) == {"Installed"}
        dialog.close()


async def test_one_download_is_cancelled_and_the_others_go_on():
    async with a_window() as (window, link):
        dialog = await downloading_all(window, link)
        first, second = (model.id for model in link.models if model.state != "ready")
        dialog.cancel_asked.emit(first)
        await until(lambda: len(link.of(m.FetchModel)) == 2)
        link.gates[m.FetchModel].set()
        await settled(window)
        assert [model.id for model in link.models if model.state != "ready"] == [first]
        assert second not in {r.model for r in link.cancelled}
        dialog.close()


@pytest.mark.parametrize("by", ["dialog", "escape"])
async def test_all_downloads_are_cancelled(by: str):
    async with a_window() as (window, link):
        dialog = await downloading_all(window, link)
        dialog.fetch_all.click() if by == "dialog" else window.requests.cancel_job()
        await settled(window)
        assert len(link.of(m.FetchModel)) == 1
        assert "Queued" not in states(dialog)
        dialog.close()


async def test_a_failed_download_stops_what_waits_for_it_and_nothing_else():
    async with a_window() as (window, link):
        link.errors[m.FetchModel] = UserError("The download failed.")
        done: list[str] = []
        window.model_commands.download_all(("maxim-denoising",), lambda: done.append("restored"))
        window.model_commands.download_all(("niqe",), lambda: done.append("scored"))
        await settled(window)
        assert done == []
        link.errors.clear()
        window.model_commands.download_all(("niqe",), lambda: done.append("scored"))
        await settled(window)
        assert done == ["scored"]


async def test_removing_a_model_asks_first():
    async with a_window() as (window, link):
        dialog = opened(window)
        for role, requests in ((QMessageBox.ButtonRole.RejectRole, 0), (QMessageBox.ButtonRole.DestructiveRole, 1)):
            dialog.remove.click()
            [box] = [box for box in dialog.findChildren(QMessageBox) if box.isVisible()]
            [button] = [button for button in box.buttons() if box.buttonRole(button) == role]
            button.click()
            await settled(window)
            assert len(link.of(m.RemoveModel)) == requests
        dialog.close()
