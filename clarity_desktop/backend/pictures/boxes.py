"""ISO base media files (AVIF, HEIC, JPEG XL): their boxes, and what they say about the first picture.

The bytes are untrusted: boxes that reach beyond their parent end with it, and what cannot be read raises ValueError.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from clarity_desktop.backend.pictures.stored_photo import CodePoints

_MOST = 10_000  # boxes, items and extents that are looked at


@dataclass(slots=True)
class Item:
    """The primary picture of an AVIF or HEIC file.

    aperture: the visible part as (left, top, width, height), None for all of it; turns: quarter turns to the left;
    mirror: 0 for top and bottom exchanged, 1 for left and right, None for neither. They apply in this order.
    kind: how it is compressed, as four letters.
    """

    kind: bytes = b""
    width: int = 0
    height: int = 0
    aperture: tuple[int, int, int, int] | None = None
    turns: int = 0
    mirror: int | None = None
    code_points: CodePoints | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    has_gain_map: bool = False  # beside the picture there is one with its extra brightness

    @property
    def orientation(self) -> int:
        """Turn and mirror as an EXIF orientation, 1..8."""
        if self.mirror is None:
            return (1, 8, 3, 6)[self.turns]
        # The turn is applied first, the mirror after it.
        return (4, 5, 2, 7)[self.turns] if self.mirror == 0 else (2, 7, 4, 5)[self.turns]


@dataclass(slots=True)
class _Meta:
    primary: int = 0
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    owned: dict[int, list[int]] = field(default_factory=dict)  # item → indices of its properties, from 1
    kinds: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    inner: bytes = b""  # the item data box
    within: set[int] = field(default_factory=set)  # items whose place counts from the item data box
    refers: dict[int, set[int]] = field(default_factory=dict)  # metadata item → pictures that it describes


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two offsets: their type, and where their content begins and ends."""
    end = len(data) if end is None else min(end, len(data))
    for _ in range(_MOST):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        elif size == 0:
            size = end - start
        if size < head:
            return
        yield kind, start + head, min(start + size, end)
        start += size


def primary_item(data: bytes) -> Item:
    """What the file says about its primary picture. Raises ValueError."""
    try:
        meta = next(((a, b) for kind, a, b in boxes(data) if kind == b"meta"), None)
        if meta is None:
            raise ValueError("no meta box")
        return _item(_meta(data, meta[0] + 4, meta[1]), data)
    except (struct.error, IndexError) as e:
        raise ValueError("a broken box") from e


def _item(meta: _Meta, data: bytes) -> Item:
    item, aperture = Item(meta.kinds.get(meta.primary, b"")), b""
    for index in meta.owned.get(meta.primary, ()):
        if not 0 < index <= len(meta.properties):
            continue
        kind, body = meta.properties[index - 1]
        if kind == b"ispe":
            item.width, item.height = struct.unpack_from(">II", body, 4)
        elif kind == b"clap":
            aperture = body
        elif kind == b"irot":
            item.turns = body[0] & 3
        elif kind == b"imir":
            item.mirror = body[0] & 1
        elif kind == b"colr" and body[:4] == b"nclx":
            item.code_points = CodePoints(*struct.unpack_from(">HH", body, 4))
        elif kind == b"colr" and body[:4] in {b"prof", b"rICC"}:
            item.icc = body[4:] or None
    item.aperture = _aperture(aperture, item.width, item.height) if aperture else None
    # A picture derived by tone mapping (ISO 21496-1), or Apple's auxiliary picture.
    item.has_gain_map = b"tmap" in meta.kinds.values() or any(
        kind == b"auxC" and b"gainmap" in body.lower() for kind, body in meta.properties
    )
    for number, kind in meta.kinds.items():
        if meta.primary not in meta.refers.get(number, {meta.primary}):
            continue
        if kind == b"Exif" and item.exif is None:
            body = _content(meta, number, data)
            # The block begins after as many bytes as the first four say, past those four.
            at = 4 + int.from_bytes(body[:4], "big")
            item.exif = body[at:] or None
        elif kind == b"xmp" and item.xmp is None:
            item.xmp = _content(meta, number, data) or None
    return item


def _aperture(body: bytes, width: int, height: int) -> tuple[int, int, int, int] | None:
    """The clean aperture in whole pixels; None if it is the whole picture or lies outside it."""
    n = struct.unpack_from(">IIIIiIiI", body)
    if 0 in n[1::2]:
        return None
    w, h, x, y = (a / b for a, b in zip(n[::2], n[1::2], strict=True))
    w, h = round(w), round(h)
    left, top = round((width - 1) / 2 + x - (w - 1) / 2), round((height - 1) / 2 + y - (h - 1) / 2)
    inside = left >= 0 and top >= 0 and w > 0 and h > 0 and left + w <= width and top + h <= height
    return (left, top, w, h) if inside and (w, h) != (width, height) else None


def _meta(data: bytes, start: int, end: int) -> _Meta:
    meta = _Meta()
    for kind, a, b in boxes(data, start, end):
        if kind == b"pitm":
            meta.primary = struct.unpack_from(">H" if data[a] == 0 else ">I", data, a + 4)[0]
        elif kind == b"iprp":
            for inner, c, d in boxes(data, a, b):
                if inner == b"ipco":
                    meta.properties = [(name, data[e:f]) for name, e, f in boxes(data, c, d)]
                elif inner == b"ipma":
                    _associations(data[c:d], meta)
        elif kind == b"iinf":
            _infos(data, a, b, meta)
        elif kind == b"iloc":
            _locations(data[a:b], meta)
        elif kind == b"iref":
            _references(data, a, b, meta)
        elif kind == b"idat":
            meta.inner = data[a:b]
    return meta


def _associations(body: bytes, meta: _Meta) -> None:
    version, wide = body[0], body[3] & 1
    (count,) = struct.unpack_from(">I", body, 4)
    at = 8
    for _ in range(min(count, _MOST)):
        number = int.from_bytes(body[at : at + (4 if version else 2)], "big")
        at += 4 if version else 2
        listed = body[at]
        at += 1
        step = 2 if wide else 1
        indices = [int.from_bytes(body[at + k * step : at + (k + 1) * step], "big") for k in range(listed)]
        meta.owned.setdefault(number, []).extend(k & (0x7FFF if wide else 0x7F) for k in indices)
        at += listed * step


def _infos(data: bytes, start: int, end: int, meta: _Meta) -> None:
    first = start + (6 if data[start] == 0 else 8)
    for kind, a, b in boxes(data, first, end):
        version = data[a]
        if kind != b"infe" or version < 2:
            continue
        number = int.from_bytes(data[a + 4 : a + (6 if version == 2 else 8)], "big")
        at = a + (8 if version == 2 else 10)
        name = data[at : at + 4]
        content = data[at + 4 : b].split(b"\0")[1:2]
        meta.kinds[number] = b"xmp" if name == b"mime" and content == [b"application/rdf+xml"] else name


def _references(data: bytes, start: int, end: int, meta: _Meta) -> None:
    size = 2 if data[start] == 0 else 4
    for kind, a, b in boxes(data, start + 4, end):
        if kind != b"cdsc":
            continue
        source = int.from_bytes(data[a : a + size], "big")
        targets = data[a + size + 2 : b]
        numbers = {int.from_bytes(targets[k : k + size], "big") for k in range(0, len(targets), size)}
        meta.refers.setdefault(source, set()).update(numbers)


def _locations(body: bytes, meta: _Meta) -> None:
    version = body[0]
    sizes = body[4] >> 4, body[4] & 15, body[5] >> 4, body[5] & 15 if version in {1, 2} else 0
    wide = 4 if version == 2 else 2
    at = 6

    def take(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(body[at - size : at], "big")

    for _ in range(min(take(wide), _MOST)):
        number = take(wide)
        if version in {1, 2} and take(2) & 15 == 1:
            meta.within.add(number)
        take(2)
        base = take(sizes[2])
        extents: list[tuple[int, int]] = []
        for _ in range(min(take(2), _MOST)):
            take(sizes[3])
            offset = take(sizes[0])
            extents.append((base + offset, take(sizes[1])))
        meta.places[number] = extents


def _content(meta: _Meta, number: int, data: bytes) -> bytes:
    source = meta.inner if number in meta.within else data
    return b"".join(source[at : at + size] if size else source[at:] for at, size in meta.places.get(number, ()))
