"""Finds the versions that a reply names, so that their names become links."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Mapping
from itertools import pairwise
from typing import NamedTuple

from clarity_desktop import titles
from clarity_desktop.ui import theme
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Version, VersionId

MARK = "span"
"""The HTML element of a highlight."""
MAX_VERSIONS = 300
"""Versions that are looked for: the last ones."""


class Link(NamedTuple):
    """The name of a version in a text: text[start:end]."""

    start: int
    end: int
    version: VersionId


class VersionNames:
    """The names of the versions of a document. Of equal names the newest that a reply can have meant counts."""

    def __init__(self, versions: Mapping[VersionId, Version]) -> None:
        self._by_name: dict[str, list[Version]] = {}
        for version in list(versions.values())[-MAX_VERSIONS:]:
            # By their ids they are named to a language model, which may repeat them.
            names = {version.name or "", render(titles.step_title(version.step)), version.id}
            for name in names - {""}:
                self._by_name.setdefault(name, []).append(version)
        longest_first = sorted(self._by_name, key=len, reverse=True)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")

    def links(self, text: str, own: Collection[VersionId], time: float) -> list[Link]:
        """The versions that a reply names, by title, typed name or id. own: those that it made. time: of the reply.

        Other versions count only in quotation marks, as the program's sentences name them: "Denoised" alone may be a
        word like any other.
        """
        if not self._by_name:
            return []
        found: list[Link] = []
        for match in self._pattern.finditer(text):
            named = self._by_name[match[0]]
            quoted = text[max(0, match.start() - 1) : match.start()] in ("“", '"')
            made = [v for v in named if v.id in own]
            known = [v for v in named if v.time <= time] if quoted or match[0] == named[0].id else []
            if chosen := (made or known)[-1:]:
                found.append(Link(match.start(), match.end(), chosen[0].id))
        return found


Span = tuple[int, int]
"""A part of a text: text[start:end]."""


def as_html(text: str, links: Collection[Link], spans: Collection[Span] = (), current: Span | None = None) -> str:
    """The text as HTML in which only links and highlights are markup; the address of a link is the version's id.

    spans: what is highlighted, in order; current: one of them, more strongly.
    """
    colors = theme.colors()
    edges = sorted({0, len(text), *(edge for link in links for edge in link[:2]), *(e for span in spans for e in span)})
    parts: list[str] = []
    for start, end in pairwise(edges):
        part = html.escape(text[start:end])
        if (span := next((span for span in spans if span[0] <= start and end <= span[1]), None)) is not None:
            back, front = (colors.accent, colors.on_accent) if span == current else (colors.pressed, colors.text)
            part = f'<{MARK} style="background-color:{back};color:{front}">{part}</{MARK}>'
        if (link := next((link for link in links if link.start <= start and end <= link.end), None)) is not None:
            part = f'<a href="{html.escape(link.version)}">{part}</a>'
        parts.append(part)
    return "".join(parts).replace("\n", "<br>")
