"""A request in lower case, without typing errors, short forms and quoted text."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from clarity_desktop.backend.chat import words

MAX_LENGTH = 2000
"""Characters of a request that are read."""
QUOTED = "quoted"
"""Stands for text in quotation marks and for names of files: it is what the user talks about, not what is asked."""

_FILE = re.compile(r"(?<!\S)\S*[^\s.]\.(jpe?g|png|tiff?|webp|heic|avif|bmp|gif|dng|nef|cr2|clarity)\b")
_READS = re.compile(
    r"\b(caption|sign|text|file|filename|name|exif|metadata|comment|label|poster|note|title|description|shirt|banner|"
    r"writing|watermark|letter|message|sticker|billboard|screen|paper|card|book|tag|keyword|iptc|page|wall|board|graffiti)\b([^.?!]*?)\b(reads|reading|says|saying|said|called|named)\b\s*[:,]?\s*[^.?!]+"
)


def normalize(text: str) -> str:
    """Lower case, straight quotes, single spaces, typing errors corrected, quoted text replaced."""
    # Other forms of letters become plain ones; marks that are not seen (writing direction, joiners) are left out.
    text = "".join(c for c in unicodedata.normalize("NFKC", text[: 4 * MAX_LENGTH]) if unicodedata.category(c) != "Cf")
    request = " ".join(text.casefold().replace("’", "'").replace("‘", "'").replace("`", "'").split())[:MAX_LENGTH]
    request = re.sub(r"[“”„«»]", '"', request).replace("…", "...")
    request = re.sub(r"(?<=\s)\.(?=(?:jpe?g|png|webp|tiff?|heic|avif|bmp)\b)", "", request)
    request = _without_quotes(request)
    request = re.sub(r"\b(is|are|was|were|does|did|has|have|should|could|would|ca)n'?t\b", _spell_out, request)
    request = _replaced(request)
    request = re.sub(r"\b(de|un|up) ?-? ?(?=(?:blur|nois|haz|rain|snow|fog|flar|grain|scal)\w*)", r"\1", request)
    request = re.sub(r"[a-z]{4,}", lambda at: _corrected(at[0]), request)
    return re.sub(rf"\b(?:to|2) (?=(?:{'|'.join(words.phrases('spelling', 'too'))})\b)", "too ", request)


def _without_quotes(request: str) -> str:
    """The request without text that it quotes: planted instructions are not obeyed."""
    whole = re.fullmatch(r"[\"']([^\"]*)[\"']", request)
    if whole:
        request = whole[1]
    request = re.sub(r'"[^"]*"', f" {QUOTED} ", request)
    request = re.sub(r"(?<![\w'])'[^']*'(?![\w'])", f" {QUOTED} ", request)
    request = _READS.sub(rf"\1\2\3 {QUOTED}", request)
    request = _FILE.sub(
        lambda at: at[1] if re.search(r"\b(?:as|to|into)\s$", request[: at.start()]) else QUOTED, request
    )
    return " ".join(request.split())


def _spell_out(at: re.Match[str]) -> str:
    return f"{'can' if at[1] == 'ca' else at[1]} not"


@cache
def _short_forms() -> re.Pattern[str]:
    forms = sorted(words.lists()["spelling"]["replace"], key=len, reverse=True)
    return re.compile(rf"(?<![\w'/-])(?:{'|'.join(map(re.escape, forms))})(?![\w'-])")


def _replaced(request: str) -> str:
    table = words.lists()["spelling"]["replace"]
    return _short_forms().sub(lambda at: table[at[0]], request)


@cache
def _corrected(word: str) -> str:
    """The known word that a word is a typing error of, or the word itself.

    One error (a letter missing, added, wrong, or two swapped), and two from seven letters on where it is a word for a
    task or the like. Frequent words are left alone.
    """
    if word in words.all_words() or word in words.common() or _is_form(word):
        return word
    once = re.sub(r"(.)\1+", r"\1", word)
    for form in (re.sub(r"(.)\1{2,}", r"\1\1", word), once):  # "blurr", "soooo", "darkk"
        if form != word and (form in words.all_words() or form in words.vocabulary() or _is_form(form)):
            return form
    limit = 2 if len(word) >= 7 else 1
    best: tuple[int, int, int, int, str] | None = None
    for rank, (known, most) in enumerate(((words.vocabulary(), limit), (words.candidates(), 1))):
        for candidate in known:
            if abs(len(candidate) - len(word)) > most or candidate[0] != word[0] or len(candidate) < 4:
                continue
            errors = distance(word, candidate, most)
            if errors <= most:
                found = errors, rank, abs(len(candidate) - len(word)), -len(candidate), candidate
                best = found if best is None else min(best, found)
    return word if best is None else best[4]


def _is_form(word: str) -> bool:
    """Whether a word is another form of a known one: "sharpens", "denoised"."""
    for ending in ("s", "es", "ed", "d", "ing", "er", "ers", "ly", "y", "est"):
        stem = word.removesuffix(ending)
        if stem != word and (stem in words.all_words() or f"{stem}e" in words.all_words()):
            return True
        if len(stem) > 3 and stem != word and stem[-1] == stem[-2] and stem[:-1] in words.all_words():
            return True  # "blurring"
    return False


def distance(a: str, b: str, limit: int) -> int:
    """Errors between two words (Damerau–Levenshtein with adjacent swaps); limit + 1 where there are more."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before, last = last, row
    return last[-1]
