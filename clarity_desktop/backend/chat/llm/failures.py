"""What the errors of the openai package mean: a sentence, another way to ask, or a pause before asking again."""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clarity_desktop.backend.chat.quote import one_line
from clarity_desktop.messages import UserError
from clarity_desktop.text import Message, duration

FEATURES: Mapping[str, tuple[str, ...]] = {
    "tools": ("tool", "function call", "functions"),
    "image": ("image", "vision", "multimodal", "mmproj", "content must be a string"),
    "schema": ("response_format", "json_schema", "grammar", "structured"),
    "temperature": ("temperature",),
}
"""What a request may ask for, and the words by which servers refuse it."""
_CONTEXT = (
    "context_length_exceeded",
    "context length",
    "context size",
    "context window",
    "maximum context",
    "too long",
)
REASON = 200
"""Characters of a server's own words that are shown."""


@dataclass(frozen=True, slots=True)
class Where:
    """The server and model that sentences name."""

    server: str
    model: str


class Unsupported(Exception):
    """The server cannot do something that the request asked for: one of FEATURES, or "context", a shorter one works."""

    def __init__(self, feature: str, otherwise: UserError) -> None:
        """otherwise: the error if there is no other way to ask."""
        super().__init__(feature)
        self.feature, self.otherwise = feature, otherwise


def asked_for(body: Mapping[str, Any]) -> frozenset[str]:
    """Which of FEATURES a request asks for."""
    images = any(
        isinstance(part, Mapping) and part.get("type") == "image_url"
        for message in body["messages"]
        for part in (message.get("content") if isinstance(message.get("content"), list) else ())
    )
    asked = {"tools": "tools" in body, "image": images, "schema": "response_format" in body}
    return frozenset({name for name, there in asked.items() if there} | {"temperature", "context"})


def error_of(
    error: Exception, where: Where, asked: frozenset[str] = frozenset(), *, listing: bool = False
) -> UserError | Unsupported:
    """The sentence for an error, or what the server cannot do of what was requested."""
    import openai

    server = where.server
    match error:
        case UserError() | Unsupported():
            return error
        case TimeoutError() | openai.APITimeoutError():
            return UserError(Message("llm.timeout", {"server": server}))
        case openai.APIStatusError():
            return _status(error, where, asked, listing=listing)
        case openai.APIConnectionError(__cause__=cause) if type(cause).__name__ == "TooLarge":
            return UserError(Message("llm.not_a_server", {"server": server}))
        case openai.APIConnectionError():
            return UserError(Message("llm.offline", {"server": server}))
        case openai.APIError():  # an error inside a stream
            said = UserError(Message("llm.refused", {"server": server, "reason": one_line(error.message, REASON)}))
            return _unsupported(str(error.body), asked, said) or said
        case _:
            return UserError(Message("llm.no_list" if listing else "llm.not_a_server", {"server": server}))


def _status(error: Any, where: Where, asked: frozenset[str], *, listing: bool) -> UserError | Unsupported:
    status, body = int(error.status_code), str(error.body)
    fields = {"server": where.server, "model": one_line(where.model, REASON)}
    if 300 <= status < 400:
        return UserError(Message("llm.redirect", fields))
    if status == 401:
        return UserError(Message("llm.wrong_key", fields))
    if status == 429:
        return _too_many(error, body, fields)
    reason = one_line(error.message.partition(" - ")[2] or error.message, REASON)
    refused = UserError(Message("llm.refused", {**fields, "reason": reason}))
    if (lacks := _unsupported(body, asked, refused)) is not None:
        return lacks
    if status == 403:
        return UserError(Message("llm.forbidden", fields))
    if status in (404, 405):
        return UserError(Message("llm.no_list" if listing else "llm.no_such_model", fields))
    if status >= 500:
        return UserError(Message("llm.server_error", {**fields, "code": status}))
    return refused


def _unsupported(body: str, asked: frozenset[str], otherwise: UserError) -> Unsupported | None:
    words = body.lower()
    if "context" in asked and any(word in words for word in _CONTEXT):
        return Unsupported("context", otherwise)
    for feature, names in FEATURES.items():
        if feature in asked and any(name in words for name in names):
            return Unsupported(feature, otherwise)
    return None


def _too_many(error: Any, body: str, fields: Mapping[str, str]) -> UserError:
    if "insufficient_quota" in body:
        return UserError(Message("llm.quota", fields))
    pause = _retry_after(error)
    if pause is None:
        return UserError(Message("llm.rate_limit", fields))
    return UserError(Message("llm.rate_limit_wait", {**fields, "time": duration(pause)}))


def pause_before_retry(error: Exception, default: float) -> float | None:
    """Seconds to wait before asking again; None: asking again is no use."""
    import openai

    if isinstance(error, openai.APITimeoutError):
        return None
    if isinstance(error, openai.APIStatusError):
        if error.status_code not in (408, 409, 429) and error.status_code < 500:
            return None
        if "insufficient_quota" in str(error.body):
            return None
        pause = _retry_after(error)
        return default if pause is None else pause
    return default if isinstance(error, openai.APIConnectionError) else None


def _retry_after(error: Any) -> float | None:
    """What the server asks to wait, in seconds; None if it does not say. A date counts from now."""
    value = error.response.headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), 86400.0) if math.isfinite(seconds) else None
