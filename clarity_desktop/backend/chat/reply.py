"""The assistant's turn, collected while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from clarity_desktop.backend.plan import ToolCall
from clarity_desktop.text import Message, Text, messages
from clarity_desktop.values import VersionId


@dataclass(slots=True)
class Reply:
    """question: the version that an open question is about; the steps wait for the answer then. models: as in Turn."""

    content: list[Message | str] = field(default_factory=list[Message | str])
    steps: tuple[ToolCall, ...] = ()
    question: VersionId | None = None
    models: tuple[str, ...] = ()
    in_transcript: bool = False

    @property
    def text(self) -> Text:
        """All that was said so far."""
        return self.content[0] if len(self.content) == 1 else messages(*self.content)

    def clear(self) -> None:
        """Begin the next turn."""
        self.content, self.steps, self.in_transcript = [], (), False

    def say(self, text: Text) -> None:
        """Add sentences; an empty text adds nothing."""
        if text:
            self.content += [text] if isinstance(text, Message | str) else text
