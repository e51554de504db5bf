"""Export, models and preferences by themselves."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from fakes import METHODS, MODELS, PREFERENCES
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from clarity_desktop.settings import LLM_SERVERS, LlmSettings, Settings
from clarity_desktop.ui.commands.files import MAX_FROM_FOLDER, find_photos
from clarity_desktop.ui.dialogs.export import FORMATS, ExportDialog, ExportForm, Subject, file_name, scaled
from clarity_desktop.ui.dialogs.import_model import ImportModelDialog
from clarity_desktop.ui.dialogs.models import WIDEST_TITLE, ModelsDialog
from clarity_desktop.ui.dialogs.preferences import Preferences
from clarity_desktop.ui.labels import file_size
from clarity_desktop.values import (
    ExportOptions,
    LoadedModel,
    OwnChoice,
    RecognizedModel,
    Step,
    Version,
    VersionId,
    licence_limit,
)

STEP = Step("restore", "derain", "maxim-deraining")
VERSION = Version(VersionId("v"), None, STEP, None, 1_780_000_000.0, 6000, 4000, np.zeros((4, 6, 3), np.uint8))
SUBJECT = Subject("holiday.photo.jpg", VERSION, 3, 16, "Adobe RGB")


@pytest.fixture
def parent(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def test_the_pattern_knows_its_keys():
    values = SUBJECT.values()
    assert file_name("{name}_{tool}_{n}_{w}x{h}_{date}_{unknown}", values).startswith(
        "holiday.photo_maxim-deraining_3_6000x4000_2026-"
    )
    assert file_name("{unknown}", values) == "{unknown}"
    assert SUBJECT.values(3000)["h"] == "2000"


def test_a_name_cannot_leave_its_folder():
    assert "/" not in file_name("../../{name}", {"name": "a/b\\c"})
    assert file_name("...", {}) == ""
    form = ExportForm(ExportOptions(Path("out/photo")), "...")
    assert form.of(SUBJECT).path == Path("out/photo.png")


def test_photos_are_made_smaller_and_never_larger():
    assert scaled(6000, 4000, 1500) == (1500, 1000)
    assert scaled(600, 400, 1500) == (600, 400)
    assert scaled(10_000, 1, 100) == (100, 1)


def test_the_dialog_follows_its_choices(parent: QWidget, qtbot: QtBot):
    form = ExportForm(ExportOptions(Path("out/photo")))
    dialog = ExportDialog(parent, SUBJECT, form)
    assert dialog.example.text() == "holiday.photo_restored.png"
    assert not dialog.quality.isEnabled()
    assert dialog.bits.isEnabled()
    with qtbot.waitSignal(dialog.size_asked) as asked:
        dialog.format.setCurrentIndex(dialog.format.findData("webp"))
    assert asked.args is not None
    assert asked.args[0].path == Path("out/holiday.photo_restored.webp")
    assert dialog.quality.isEnabled()
    assert not dialog.bits.isEnabled()
    dialog.show_size(2_500_000)
    assert dialog.size_label.text() == "About 2.5 MB"
    assert dialog.losses_label.isHidden()
    dialog.show_size(2_500_000, ["WebP cannot hold IPTC data: it was left out."])
    assert not dialog.losses_label.isHidden()
    assert "IPTC" in dialog.losses_label.text()
    dialog.show_size(None, ["WebP holds at most 16383 pixels per side and the photo has 20000 × 10."])
    assert not dialog.export_button.isEnabled()
    assert "16383" in dialog.losses_label.text()
    dialog.resize_box.setChecked(True)
    dialog.longest.setValue(1500)
    assert dialog.dimensions.text() == "1500 × 1000"
    dialog.metadata.setCurrentIndex(1)
    with qtbot.waitSignal(dialog.exported) as said:
        dialog.export_button.click()
    assert said.args is not None
    options = said.args[0].options
    assert (options.format, options.longest, options.metadata, options.profile) == ("webp", 1500, "no-location", "keep")


def test_the_dialog_opens_as_it_was_left(parent: QWidget):
    options = ExportOptions(Path("out/photo"), "tiff", 70, 16, 2000, "srgb", "none", "number")
    dialog = ExportDialog(parent, SUBJECT, ExportForm(options, "{name}-{n}"))
    assert dialog.form() == ExportForm(options, "{name}-{n}")


def test_the_formats_are_those_that_pictures_writes():
    from clarity_desktop.backend import pictures

    written = {key: (f.title, f.suffixes[0], f.quality, 16 in f.depths) for key, f in pictures.FORMATS.items()}
    assert written == FORMATS


def test_models_are_downloaded_and_removed_as_their_state_allows(parent: QWidget, qtbot: QtBot):
    dialog = ModelsDialog(parent)
    dialog.show_models(MODELS)
    assert "1 of 3 models" in dialog.total.text()
    assert not dialog.fetch.isEnabled()
    with qtbot.waitSignal(dialog.remove_asked) as said:
        dialog.remove.click()
    assert said.args == ["maxim-deraining"]
    second = dialog.list.topLevelItem(1)
    assert second is not None
    dialog.list.setCurrentItem(second)
    assert not dialog.remove.isEnabled()
    assert dialog.fetch.text() == "Download (89 MB)"
    with qtbot.waitSignal(dialog.fetch_asked) as said:
        dialog.fetch.click()
    assert said.args == ["maxim-denoising"]
    dialog.show_models(tuple(dataclasses.replace(m, state="ready") for m in MODELS))
    current = dialog.list.currentItem()
    assert current is not None
    assert current.text(0) == "MAXIM denoising"


def test_a_download_that_ends_leaves_the_list_of_models_where_it_was_scrolled(parent: QWidget):
    dialog = ModelsDialog(parent)
    dialog.resize(500, 300)
    dialog.show()
    many = tuple(dataclasses.replace(MODELS[1], id=f"m{k}", title=f"Model {k}") for k in range(60))
    dialog.show_models(many)
    bar = dialog.list.verticalScrollBar()
    bar.setValue(bar.maximum())
    assert bar.value() > 0
    dialog.show_models((dataclasses.replace(many[0], state="ready"), *many[1:]))
    assert bar.value() == bar.maximum()
    first = dialog.list.topLevelItem(0)
    assert first is not None
    assert first.text(1) == "Installed"
    dialog.close()


def test_a_long_title_leaves_room_for_the_license(parent: QWidget) -> None:
    dialog = ModelsDialog(parent)
    dialog.show()
    dialog.show_models((dataclasses.replace(MODELS[0], title="A very long title " * 9), *MODELS[1:]))
    assert dialog.list.columnWidth(0) <= WIDEST_TITLE
    assert not dialog.list.horizontalScrollBar().maximum()
    dialog.list.setColumnWidth(0, 150)  # by the user
    dialog.show_models(MODELS)
    assert dialog.list.columnWidth(0) == 150
    dialog.close()


def test_downloads_are_shown_in_their_rows_and_can_be_cancelled(parent: QWidget, qtbot: QtBot):
    dialog = ModelsDialog(parent)
    dialog.show_models(MODELS)
    _, second, third = (dialog.list.topLevelItem(k) for k in range(3))
    assert second
    assert third
    assert dialog.fetch_all.text() == f"Download all ({file_size(sum(m.size for m in MODELS[1:]))})"
    with qtbot.waitSignal(dialog.fetch_all_asked):
        dialog.fetch_all.click()
    dialog.show_downloads({MODELS[1].id: 0.25, MODELS[2].id: None})
    assert (second.text(1), third.text(1)) == ("Downloading: 25%", "Queued")
    dialog.list.setCurrentItem(third)
    assert dialog.fetch.text() == "Remove from queue"
    with qtbot.waitSignal(dialog.cancel_asked) as asked:
        dialog.fetch.click()
    assert asked.args == [MODELS[2].id]
    assert dialog.fetch_all.text() == "Pause all"
    with qtbot.waitSignal(dialog.cancel_all_asked):
        dialog.fetch_all.click()
    dialog.show_downloads({})
    assert (second.text(1), third.text(1)) == ("Not installed", "Paused")


def test_models_are_filtered_by_text_and_task(parent: QWidget):
    dialog = ModelsDialog(parent)
    cards = tuple(dataclasses.replace(card, weights=(card.id,), speed=34.0) for card in METHODS)
    dialog.show_methods(cards)
    unknown = dataclasses.replace(MODELS[2], licence="none stated", source="https://example.org/x", sha256="ab" * 32)
    limited = dataclasses.replace(MODELS[1], licence="CC BY-NC 4.0")
    dialog.show_models((MODELS[0], limited, unknown), free=5_000_000_000)

    def shown() -> list[str]:
        items = [dialog.list.topLevelItem(k) for k in range(3)]
        return [item.text(0) for item in items if item is not None and not item.isHidden()]

    assert dialog.free.text() == "5.0 GB free on the disk"
    dialog.search.setText("denois NC")
    assert shown() == ["MAXIM denoising"]
    assert "forbids commercial use" in dialog.details.text()
    assert "Needs a GPU" in dialog.details.text()
    dialog.search.setText("nothing such")
    assert shown() == []
    assert not dialog.nothing.isHidden()
    assert not dialog.fetch.isEnabled()
    dialog.search.clear()
    dialog.task.setCurrentIndex(dialog.task.findData("deblur"))
    assert shown() == ["MAXIM deblurring"]
    assert "state no license" in dialog.details.text()
    assert "Source: https://example.org/x" in dialog.details.text()
    assert "SHA-256: abab" in dialog.details.text()
    item = dialog.list.currentItem()
    assert item is not None
    assert item.text(3).startswith("⚠")
    assert dialog.fetch.text() == "Resume download (89 MB)"


def test_a_recognized_file_is_imported_once_its_license_is_known(parent: QWidget, qtbot: QtBot):
    model = RecognizedModel("NAFNet", "NAFNet", None, ("denoise", "deblur"), "", 9_000_000, "0" * 64, 1, 3, 16, "yes",
                            needs_mask=False, speed=9.0)  # fmt: skip
    dialog = ImportModelDialog(parent, Path("nafnet.pth"), model)
    assert "states no license" in dialog.note.text()
    assert not dialog.accept_button.isEnabled()
    dialog.licence.setText("MIT")
    assert not dialog.accept_button.isEnabled()
    dialog.task.setCurrentIndex(dialog.task.findData("deblur"))
    with qtbot.waitSignal(dialog.import_asked) as said:
        dialog.accept_button.click()
    assert said.args == [OwnChoice("NAFNet", "deblur", "MIT")]


@pytest.mark.parametrize(
    ("licence", "limit"),
    [
        ("MIT", "none"), ("Apache-2.0", "none"), ("CC BY-NC 4.0", "noncommercial"), ("none stated", "unstated"),
        ("NTIRE: research use only", "noncommercial"), ("Non-commercial (S-Lab)", "noncommercial"),
        ("", "unstated"), ("BSD-3-Clause", "none"), ("not stated", "unstated"),
    ],
)  # fmt: skip
def test_licenses_that_limit_the_use_are_recognized(licence: str, limit: str):
    assert licence_limit(licence) == limit


def test_loaded_models_are_listed_and_unloaded(parent: QWidget, qtbot: QtBot):
    dialog = ModelsDialog(parent)
    assert dialog.loaded.isHidden()
    dialog.show_loaded((LoadedModel("a", "MAXIM deraining", 57_000_000), LoadedModel("b", "Detector", 90_000_000)))
    assert not dialog.loaded.isHidden()
    assert dialog.loaded_title.text() == "2 models in memory (147 MB)"
    second = dialog.loaded.topLevelItem(1)
    assert second is not None
    assert [second.text(k) for k in range(3)] == ["Detector", "90 MB", "CPU"]
    dialog.loaded.setCurrentItem(second)
    with qtbot.waitSignal(dialog.unload_asked) as signal:
        dialog.unload.click()
    assert signal.args == ["b"]
    dialog.show_loaded((LoadedModel("a", "MAXIM deraining", 57_000_000),))
    assert dialog.loaded_title.text() == "1 model in memory (57 MB)"
    dialog.show_loaded(())
    assert dialog.unload.isHidden()


def test_preferences_come_back_whole_and_the_theme_is_tried_at_once(parent: QWidget, qtbot: QtBot):
    settings = Settings(theme="light", threads=3, memory_budget=0.4, metadata="none", recent=("a.jpg",))
    dialog = Preferences(parent, settings)
    assert dialog.settings() == settings
    with qtbot.waitSignal(dialog.theme_tried) as tried:
        dialog.theme.setCurrentIndex(dialog.theme.findData("dark"))
    assert tried.args == ["dark"]
    with qtbot.waitSignal(dialog.theme_tried) as back:
        dialog.reject()
    assert back.args == ["light"]
    dialog = Preferences(parent, settings)
    dialog.memory.setValue(60)
    with qtbot.waitSignal(dialog.agreed) as said:
        dialog.buttons.accepted.emit()
    assert said.args == [dataclasses.replace(settings, memory_budget=0.6)]


def test_a_folder_gives_its_photos_up_to_a_limit(tmp_path: Path):
    for k in range(MAX_FROM_FOLDER + 5):
        (tmp_path / f"{k:03}.jpg").write_bytes(b"")
    (tmp_path / "words.txt").write_bytes(b"")
    found, total, _ = find_photos([tmp_path])
    assert len(found) == MAX_FROM_FOLDER
    assert total == MAX_FROM_FOLDER + 5
    assert found[0].name == "000.jpg"


def test_the_language_model_is_off_until_it_is_switched_on(parent: QWidget):
    dialog = Preferences(parent, Settings())
    page = dialog.llm_page
    assert not page.enabled.isChecked()
    assert not page.send_photo.isEnabled()
    assert "nothing leaves this computer" in page.privacy.text()
    page.enabled.setChecked(True)
    assert "The photo itself is not" in page.privacy.text()
    page.send_photo.setChecked(True)
    assert "the reduced photo" in page.privacy.text()
    page.model.setCurrentText("small")
    assert dialog.settings().llm == LlmSettings(True, LLM_SERVERS["Ollama"], "small", True)


def test_a_server_sets_its_address_and_an_address_its_server(parent: QWidget):
    page = Preferences(parent, Settings()).llm_page
    page.server.setCurrentIndex(page.server.findText("OpenAI"))
    page.server.activated.emit(page.server.currentIndex())
    assert page.url.text() == LLM_SERVERS["OpenAI"]
    page.url.setText("https://llm.example.com/v1")
    assert page.server.currentText() == "Custom"


def test_models_of_the_server_are_offered_and_a_typed_one_stays(parent: QWidget, qtbot: QtBot):
    page = Preferences(parent, Settings()).llm_page
    with qtbot.waitSignal(page.models_asked) as asked:
        page.load.click()
    assert asked.args == [page.llm(), None]
    assert not page.load.isEnabled()
    page.show_models(page.url.text(), ("a", "b"), "2 models")
    assert page.load.isEnabled()
    assert page.llm().model == "a"
    page.model.setCurrentText("mine")
    page.show_models(page.url.text(), ("a", "b"), "2 models")
    assert page.llm().model == "mine"
    page.show_models("http://elsewhere/v1", ("c",), "1 model")
    assert page.model.findText("c") < 0


def test_a_typed_key_goes_to_the_keyring_and_not_into_the_settings(parent: QWidget, qtbot: QtBot):
    dialog = Preferences(parent, Settings())
    dialog.llm_page.key.setText(" sk-secret ")
    typed: list[tuple[str, str]] = []
    dialog.key_typed.connect(lambda url, key: typed.append((url, key)))
    with qtbot.waitSignal(dialog.agreed) as agreed:
        dialog.buttons.accepted.emit()
    assert typed == [(LLM_SERVERS["Ollama"], "sk-secret")]
    assert "sk-secret" not in str(agreed.args)


def test_the_preferred_methods_are_listed_with_their_score_and_choices(parent: QWidget, qtbot: QtBot):
    page = Preferences(parent, Settings()).methods_page
    page.show_preferences(PREFERENCES, {"derain": "clarity-all"}, can_undo=False)
    rain = page.list.topLevelItem(0)
    assert rain is not None
    assert rain.text(0) == "Remove rain"
    rows = [[rain.child(k).text(column) for column in range(3)] for k in range(rain.childCount())]
    # What was set in the Restore panel is used whatever its score.
    assert rows == [["Quick (set by you)", "40", "2"], ["MAXIM", "71", "3"]]
    spoken = rain.child(1).data(0, Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "Remove rain · MAXIM · Score: 71 of 100 · Choices: 3"
    assert not page.reset_task.isEnabled()
    assert not page.undo.isEnabled()
    page.list.setCurrentItem(rain.child(1))
    with qtbot.waitSignal(page.reset_asked) as asked:
        page.reset_task.click()
    assert asked.args == ["derain"]
    blur = page.list.topLevelItem(1)
    page.list.setCurrentItem(blur)
    assert not page.reset_task.isEnabled()  # nothing was chosen there
    with qtbot.waitSignal(page.reset_asked) as asked:
        page.reset_all.click()
    assert asked.args == [None]
