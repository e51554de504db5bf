"""Errors that users can meet, and cancellation: what ends a request without a result."""

from __future__ import annotations

from typing import Self

from clarity_desktop.text import Field, Message, Text, english


class UserError(Exception):
    """An error that a user can meet: what happened, to which file, and what to do now.

    `text` is a message, or several in a row; str() gives it in English. `models`: those of the catalog whose download
    would help.
    """

    models: tuple[str, ...] = ()

    def __init__(self, text: Text, **fields: Field) -> None:
        """text: the key of a template ("document.not_open") with its fields, or a finished Text."""
        self.text: Text = Message(text, fields) if isinstance(text, str) else text
        super().__init__(self.text)

    def __str__(self) -> str:
        return english(self.text)

    def with_models(self, *models: str) -> Self:
        """This error, which the download of these models would avoid."""
        self.models = models
        return self


class ModelMissing(UserError):
    """Weights are not installed; the sentence says which file, where to get it and where to put it."""


class FileExists(UserError):
    """An export would replace a file and its options say to ask first."""


class JobCancelled(BaseException):
    """The user cancelled. A BaseException, like asyncio.CancelledError: `except Exception` must not swallow it."""
