"""Messages are rendered in the window's language; English plurals are complete; the pseudo-locale shows what is not."""

from __future__ import annotations

import ast
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QTranslator
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication

import clarity_desktop
from clarity_desktop.settings import resources
from clarity_desktop.text import Message, conjunction
from clarity_desktop.ui import translate
from clarity_desktop.ui.translate import PseudoTranslator, pseudo, render

UI = Path(clarity_desktop.__file__).parent / "ui"
TS = resources() / "translations" / "clarity_en.ts"


@pytest.fixture
def pseudo_locale(qapp: QApplication) -> Iterator[None]:
    translator = PseudoTranslator(qapp)
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


def test_a_message_is_rendered_with_its_fields():
    both = conjunction([Message("noun.noise"), Message("noun.haze")])
    assert render(Message("result.weaker", {"title": Message("result.denoise"), "strength": 0.6})) == "Denoised (60%)"
    assert render(both) == "noise and haze"
    assert render((Message("task.derain"), Message("task.dehaze"))) == "Remove rain Remove haze"
    assert render("{a title} of 100 %n") == "{a title} of 100 %n"


def test_the_pseudo_locale_translates_templates_and_keeps_their_fields(pseudo_locale: None):
    shown = render(Message("result.part", {"title": Message("result.denoise")}))
    assert shown == "[[Denoised ~] (part) ~]"


@pytest.mark.parametrize("text", ["Zoom &in", "%n version(s)", "Save “{name}” in {folder}", "Save & close"])
def test_a_pseudo_translation_is_longer_and_keeps_what_is_no_text(text: str):
    shown = pseudo(text)
    assert shown.startswith("[" + text)
    assert shown.endswith("]")
    assert len(shown) >= 4 + len(text)


def test_a_pseudo_translation_leaves_keys_and_emptiness_alone():
    assert pseudo("Cut\tCtrl+X").endswith("]\tCtrl+X")
    assert pseudo("") == ""
    assert pseudo(" %") == " %"
    assert pseudo("{value} %") == "{value} %"


def test_the_pseudo_locale_leaves_the_names_of_keys_alone(pseudo_locale: None):
    assert QKeySequence("Ctrl+Shift+O").toString(QKeySequence.SequenceFormat.NativeText) == "Ctrl+Shift+O"


def test_the_pseudo_locale_is_off_unless_asked_for(monkeypatch: pytest.MonkeyPatch):
    app = QCoreApplication.instance()
    assert app is not None
    before = QCoreApplication.translate("Test", "Open")
    monkeypatch.setenv(translate.PSEUDO_VARIABLE, "1")
    translate.install(app)
    try:
        assert QCoreApplication.translate("Test", "Open") == "[Open ~]"
    finally:
        for translator in app.findChildren(PseudoTranslator):
            app.removeTranslator(translator)
    assert QCoreApplication.translate("Test", "Open") == before == "Open"


def plurals_in_code() -> set[tuple[str, str]]:
    """(class, text) of each self.tr("…%n…")."""
    found: set[tuple[str, str]] = set()
    for file in UI.rglob("*.py"):
        for owner in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(owner, ast.ClassDef):
                continue
            for call in ast.walk(owner):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "tr":
                    text = call.args[0]
                    if isinstance(text, ast.Constant) and "%n" in str(text.value):
                        found.add((owner.name, str(text.value)))
    return found


def test_each_plural_of_the_window_has_its_english_forms():
    """`make translations` renews the file; empty forms are to be filled in."""
    listed = {
        (context.findtext("name") or "", message.findtext("source") or ""): message
        for context in ET.parse(TS).getroot().iter("context")
        for message in context.iter("message")
    }
    assert set(listed) == plurals_in_code()
    translator = QTranslator()
    assert translator.load(str(TS.with_suffix(".qm")))
    for (context, source), message in listed.items():
        forms = [form.text or "" for form in message.iter("numerusform")]
        assert len(forms) == 2, source
        assert all(forms), source
        assert [translator.translate(context, source, "", n) for n in (1, 2)] == forms, "run make translations"
