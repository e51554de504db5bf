"""Text for the window: renders the backend's messages and installs the translations.

`CLARITY_PSEUDO_LOCALE=1` shows every string in brackets and 40% longer: a string without brackets never reaches a
translator, and one that is clipped would be clipped in German too.
"""

from __future__ import annotations

import os
import re

from PySide6.QtCore import QCoreApplication, QLocale, QObject, QTranslator

from clarity_desktop.settings import resources
from clarity_desktop.text import Message, Text, catalog
from clarity_desktop.text.marks import CONTEXT, Plural

PSEUDO_VARIABLE = "CLARITY_PSEUDO_LOCALE"
GROWTH = 0.4
"""How much longer a pseudo-translation is than its source."""
KEYS = "QShortcut"
"""The context of Qt's names of keys ("Ctrl+O"), which the pseudo-locale leaves unchanged."""
_KEPT = re.compile(r"\{[^{}]*\}|%n|%L?\d+|&&|&|<[^<>]*>")
"""Fields, numbers, mnemonics and tags, which do not count as text."""


def render(text: Text) -> str:
    """The text in the window's language; English where there is no translation."""
    if isinstance(text, str):
        return text
    if not isinstance(text, Message):
        return " ".join(render(part) for part in text)
    # Only the template is translated; the fields are values or messages of their own.
    template = _translated(text)
    if not text.fields:
        return template
    return template.format_map({k: render(v) if isinstance(v, Message) else v for k, v in text.fields.items()})


def _translated(message: Message) -> str:
    template = catalog.templates().get(message.key, message.key)
    if not isinstance(template, Plural):
        return QCoreApplication.translate(CONTEXT, template)
    n = int(message.fields.get("n", 0))  # pyright: ignore[reportArgumentType] — a Message is no number
    found = QCoreApplication.translate(CONTEXT, template.many, None, n)
    # QTranslator has no entry: choose the English singular here.
    untranslated = found == template.many.replace("%n", str(n))
    return template.one.replace("%n", str(n)) if untranslated and n == 1 else found


def install(app: QCoreApplication) -> None:
    """Install the English plural forms, the translation for the system's language and, if enabled, the pseudo-locale.

    Qt asks the translator installed last first, so the order is from general to specific.
    """
    folder = str(resources() / "translations")
    for locale in (QLocale(QLocale.Language.English), QLocale()):
        translator = QTranslator(app)
        if translator.load(locale, "clarity", "_", folder):
            app.installTranslator(translator)
    if os.environ.get(PSEUDO_VARIABLE) == "1":
        app.installTranslator(PseudoTranslator(app))


class PseudoTranslator(QTranslator):
    """Translates every string into itself, longer and in brackets."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)

    def isEmpty(self) -> bool:
        return False

    def translate(
        self,
        context: str,
        sourceText: str,  # noqa: N803
        disambiguation: str | None = None,  # noqa: ARG002
        n: int = -1,  # noqa: ARG002
    ) -> str:
        return sourceText if context == KEYS else pseudo(sourceText)


def pseudo(text: str) -> str:
    """ "[text ~~~]": longer by `GROWTH`; fields, mnemonics and keys after a tab stay as they are.

    Text without a letter, such as " %", is the same in every language.
    """
    if not any(letter.isalpha() for letter in _KEPT.sub("", text)):
        return text
    title, tab, keys = text.partition("\t")
    missing = round(GROWTH * len(_KEPT.sub("", title))) - 3  # the brackets and the space
    tail = "".join(" " if k % 5 == 4 else "~" for k in range(max(1, missing))).rstrip()
    return f"[{title} {tail}]{tab}{keys}"
