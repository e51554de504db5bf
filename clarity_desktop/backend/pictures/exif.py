"""EXIF blocks and the TIFF structures of files: read, edited in place, or rebuilt from their values.

The bytes are untrusted: entries that point outside their file are skipped and raise nothing. Values are copied as
bytes, so that text in any encoding and unknown tags stay as they are.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_CLASSIC = range(1, 13)  # types that an EXIF block may hold and that point nowhere
# Of all whole numbers: what a tag says counts for other programs even where its type is not the usual one.
_FORMS = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
# Byte order and offset size by the first bytes; Olympus and Panasonic have numbers of their own in the place of 42.
_HEADS = {b"II*\0": ("<", 4), b"MM\0*": (">", 4), b"II+\0": ("<", 8), b"MM\0+": (">", 8),
          b"IIRO": ("<", 4), b"IIRS": ("<", 4), b"MMOR": (">", 4), b"IIU\0": ("<", 4)}  # fmt: skip
_LARGEST = 1 << 24  # bytes of a block
_MOST_ENTRIES = 1000  # of a directory
_NOTE_REACH = 60_000  # bytes from the start within which a maker note keeps its place

ORIENTATION, EXIF_IFD, GPS_IFD, INTEROP_IFD, MAKER_NOTE = 0x0112, 0x8769, 0x8825, 0xA005, 0x927C
SUB_IFDS = 0x014A
_COLOR_SPACE, _INTEROP_INDEX = 0xA001, 1
_ADOBE_RGB, _SRGB = (2, b"R03\0"), (1, b"R98\0")  # the values of these two tags; cameras write 65535 for Adobe RGB
_POINTERS = (EXIF_IFD, GPS_IFD, INTEROP_IFD)
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_RESOLUTION = {X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, 0x0213}
_GEOGRAPHY = {33550, 33922, 34264, 34735, 34736, 34737, 42112}  # where a map or a satellite picture lies
_MOST_PLACES = 64  # tags of places in a directory
_THUMBNAIL = ((0x0201, 0x0202), (0x0111, 0x0117))  # tags of where the second IFD's picture lies, and of its length


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a tag as its file stores it; at: where it lies there."""

    kind: int
    count: int
    raw: bytes
    at: int = 0


Directory = dict[int, Value]


class Tiff:
    """The directories of a TIFF structure in a file, also of a BigTIFF and of most RAW files.

    Raises ValueError if the file does not begin like one.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._end = file, file.seek(0, io.SEEK_END)
        found = _HEADS.get(self._bytes(0, 4))
        if found is None:
            raise ValueError("not a TIFF structure")
        self.order, self._wide = found[0], found[1] == 8
        self.first = self._number(8, "Q") if self._wide else self._number(4, "I")

    def directory(self, at: int) -> tuple[Directory, int]:
        """The entries of the directory at an offset, and the offset of the next one (0: none)."""
        head, size, form = (8, 20, "Q") if self._wide else (2, 12, "I")
        if at < 8:
            return {}, 0
        count = self._number(at, "Q" if self._wide else "H")
        table = self._bytes(at + head, size * min(count, _MOST_ENTRIES))
        found: Directory = {}
        for k in range(0, len(table) - size + 1, size):
            tag, kind, number = struct.unpack_from(f"{self.order}HH{form}", table, k)
            length, inline = _SIZES.get(kind, 0) * number, size - struct.calcsize(form)
            if not 0 < length <= _LARGEST:
                continue
            place = at + head + k + inline
            if length > size - inline:
                (place,) = struct.unpack_from(self.order + form, table, k + inline)
            raw = self._bytes(place, length)
            if len(raw) == length:
                found.setdefault(tag, Value(kind, number, raw, place))
        following = self._number(at + head + size * count, form) if count <= _MOST_ENTRIES else 0
        return found, following

    def numbers(self, value: Value | None) -> tuple[int, ...]:
        """The whole numbers of a value; none for other types."""
        if value is None or value.kind not in _FORMS:
            return ()
        return struct.unpack(f"{self.order}{value.count}{_FORMS[value.kind]}", value.raw)

    def inner(self, directory: Directory, tag: int) -> Directory:
        """The directory that a tag points to; empty if there is none."""
        at = self.numbers(directory.get(tag))
        return self.directory(at[0])[0] if at else {}

    def tree(self) -> Tree:
        """The first directory and those that EXIF hangs below it."""
        first = self.directory(self.first)[0]
        inner = self.inner(first, EXIF_IFD)
        return Tree(self.order, first, inner, self.inner(first, GPS_IFD), self.inner(inner, INTEROP_IFD))

    def _bytes(self, at: int, size: int) -> bytes:
        if not 0 <= at < self._end:
            return b""
        self._file.seek(at)
        return self._file.read(max(0, min(size, self._end - at)))

    def _number(self, at: int, form: str) -> int:
        raw = self._bytes(at, struct.calcsize(form))
        return int(struct.unpack(self.order + form, raw)[0]) if len(raw) == struct.calcsize(form) else 0


@dataclass(frozen=True, slots=True)
class Tree:
    """The directories of an EXIF block by value, apart from any file; order: "<" or ">"."""

    order: str
    first: Directory
    exif: Directory
    gps: Directory
    interop: Directory

    @property
    def maker_note(self) -> Value | None:
        return self.exif.get(MAKER_NOTE)

    @property
    def keeps_maker_note(self) -> bool:
        """Whether the maker note is near enough to the start to stay where it was."""
        note = self.maker_note
        return note is not None and note.at >= 8 and note.at + len(note.raw) <= _NOTE_REACH

    def without_maker_note(self) -> Tree:
        """The same without what only the camera's maker understands."""
        return replace(self, exif={tag: value for tag, value in self.exif.items() if tag != MAKER_NOTE})

    def without_largest(self, excess: int) -> Tree:
        """The same without as many of its largest values as take that many bytes."""
        parts = {name: dict[int, Value](getattr(self, name)) for name in ("first", "exif", "gps", "interop")}
        places = sorted((-len(value.raw), tag, name) for name, part in parts.items() for tag, value in part.items())
        for size, tag, name in places:
            if excess <= 0:
                break
            del parts[name][tag]
            excess += size
        return replace(self, **parts)

    def block(self) -> bytes | None:
        """An EXIF block of these values without gaps and thumbnail; None if there are none, or too many.

        A maker note stays where it was if that is near the start, because its offsets count from there.
        """
        return _Builder(self).block()


class _Builder:
    """Lays out the directories of a tree one after the other, around a maker note that keeps its place."""

    def __init__(self, tree: Tree) -> None:
        self._tree, self._out = tree, bytearray((b"II*\0" if tree.order == "<" else b"MM\0*") + bytes(4))
        self._kept = tree.maker_note if tree.keeps_maker_note else None

    def block(self) -> bytes | None:
        tree = self._tree
        interop = self._put(self._directory(tree.interop, {}))
        inner = self._put(self._directory(tree.exif, {INTEROP_IFD: interop}))
        gps = self._put(self._directory(tree.gps, {}))
        first = self._put(self._directory(tree.first, {EXIF_IFD: inner, GPS_IFD: gps}))
        if not first or len(self._out) > _LARGEST:
            return None
        struct.pack_into(tree.order + "I", self._out, 4, first)
        if self._kept is not None:
            end = self._kept.at + len(self._kept.raw)
            self._out.extend(bytes(max(0, end - len(self._out))))
            self._out[self._kept.at : end] = self._kept.raw
        return bytes(self._out)

    def _directory(self, values: Directory, pointers: Mapping[int, int]) -> bytes:
        order, entries = self._tree.order, dict[int, bytes]()
        for tag, value in values.items():
            if tag in _POINTERS or value.kind not in _CLASSIC:
                continue
            stored = value.raw.ljust(4, b"\0")
            if len(value.raw) > 4:
                stored = struct.pack(order + "I", value.at if value is self._kept else self._put(value.raw))
            entries[tag] = struct.pack(order + "HHI", tag, value.kind, value.count) + stored
        for tag, at in pointers.items():
            if at:
                entries[tag] = struct.pack(order + "HHII", tag, 4, 1, at)
        if not entries:
            return b""
        return struct.pack(order + "H", len(entries)) + b"".join(entries[t] for t in sorted(entries)) + bytes(4)

    def _put(self, raw: bytes) -> int:
        """Append bytes at an even offset, behind the maker note if they do not fit before it; 0 for none."""
        if not raw:
            return 0
        at = len(self._out) + len(self._out) % 2
        if self._kept is not None and at < self._kept.at + len(self._kept.raw) and at + len(raw) > self._kept.at:
            at = self._kept.at + len(self._kept.raw)
            at += at % 2
        self._out.extend(bytes(at - len(self._out)))
        self._out.extend(raw)
        return at


@dataclass(frozen=True, slots=True)
class _Entry:
    at: int  # where the 12 bytes of the entry begin
    kind: int
    value: int  # where the value lies
    size: int  # in bytes


class _Block:
    """A TIFF structure in memory that can be read and patched in place. Raises ValueError for other bytes."""

    def __init__(self, block: bytes) -> None:
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(block[:4]))
        if order is None:
            raise ValueError("not a TIFF structure")
        self.bytes, self.order = bytearray(block), order

    def number(self, at: int, form: str) -> int:
        if not 0 <= at <= len(self.bytes) - struct.calcsize(form):
            return 0
        return int(struct.unpack_from(self.order + form, self.bytes, at)[0])

    def put(self, at: int, form: str, value: int) -> None:
        struct.pack_into(self.order + form, self.bytes, at, value)

    @property
    def first(self) -> int:
        return self.number(4, "I")

    def count(self, ifd: int) -> int:
        """Entries of an IFD that lie inside the block."""
        return min(self.number(ifd, "H"), max(0, (len(self.bytes) - ifd - 2) // 12)) if ifd >= 8 else 0

    def entries(self, ifd: int) -> dict[int, _Entry]:
        found: dict[int, _Entry] = {}
        for k in range(self.count(ifd)):
            at = ifd + 2 + 12 * k
            kind = self.number(at + 2, "H")
            size = _SIZES.get(kind, 0) * self.number(at + 4, "I")
            value = at + 8 if size <= 4 else self.number(at + 8, "I")
            if size and value + size <= len(self.bytes):
                found.setdefault(self.number(at, "H"), _Entry(at, kind, value, size))
        return found

    def value(self, entry: _Entry | None) -> int:
        form = None if entry is None else _FORMS.get(entry.kind)
        return 0 if entry is None or form is None else self.number(entry.value, form)

    def replace(self, entry: _Entry | None, value: int) -> None:
        form = None if entry is None else _FORMS.get(entry.kind)
        if entry is not None and form is not None:
            self.put(entry.value, form, min(value, (1 << 8 * struct.calcsize(form) - form.islower()) - 1))

    def erase(self, start: int, size: int) -> None:
        end = min(len(self.bytes), start + size)
        if 8 <= start < end:
            self.bytes[start:end] = bytes(end - start)

    def end(self, ifd: int) -> int:
        """Where the offset of the next IFD is written."""
        return ifd + 2 + 12 * self.number(ifd, "H")

    def remove(self, ifd: int, entry: _Entry) -> bool:
        """Take an entry out of a directory, values and all; False if the directory does not end inside the block."""
        count, end = self.number(ifd, "H"), self.end(ifd) + 4
        if end > len(self.bytes):
            return False
        if entry.size > 4:
            self.erase(entry.value, entry.size)
        # Close the gap of the removed entry and keep the length, so that offsets stay valid.
        self.bytes[entry.at : end] = self.bytes[entry.at + 12 : end] + bytes(12)
        self.put(ifd, "H", count - 1)
        return True


def without_prefix(exif: bytes | None) -> bytes | None:
    """The block without the "Exif" prefix that JPEG and others put before it; None for an empty block."""
    while exif and exif[:6] == b"Exif\0\0":
        exif = exif[6:]
    return exif or None


def upright(exif: bytes) -> tuple[bytes, int | None]:
    """The block with orientation 1 and without its thumbnail, and the orientation 1..8 that it had, if any.

    Raises ValueError if the block is not EXIF.
    """
    block = _Block(exif)
    entries = block.entries(block.first)
    orientation = block.value(entries.get(ORIENTATION))
    block.replace(entries.get(ORIENTATION), 1)
    _drop_thumbnail(block)
    return bytes(block.bytes), orientation if 1 <= orientation <= 8 else None


def _drop_thumbnail(block: _Block) -> None:
    end = block.end(block.first)
    ifd = block.number(end, "I")
    if ifd < 8 or end + 4 > len(block.bytes):
        return
    entries = block.entries(ifd)
    for where, length in _THUMBNAIL:
        block.erase(block.value(entries.get(where)), block.value(entries.get(length)))
    block.put(end, "I", 0)


def resized(exif: bytes, width: int, height: int) -> bytes:
    """The block with the picture's size in the tags that state one."""
    try:
        block = _Block(exif)
    except ValueError:
        return exif
    entries = block.entries(block.first)
    for tag, value in ((0x0100, width), (0x0101, height)):
        block.replace(entries.get(tag), value)
    inner = block.entries(block.value(entries.get(EXIF_IFD)))
    for tag, value in ((0xA002, width), (0xA003, height)):
        block.replace(inner.get(tag), value)
    return bytes(block.bytes)


def without_places(exif: bytes) -> bytes | None:
    """The block without its GPS directory and what places a map; None if their removal is not certain."""
    try:
        block = _Block(exif)
    except ValueError:
        return None
    inner = block.value(block.entries(block.first).get(EXIF_IFD))
    # A tag may stand there more than once, and some programs put the GPS directory below that of EXIF.
    for ifd, tags in ((block.first, {GPS_IFD, *_GEOGRAPHY}), (inner, {GPS_IFD})):
        removed = 0
        while found := {tag: entry for tag, entry in block.entries(ifd).items() if tag in tags}:
            tag, entry = found.popitem()
            if tag == GPS_IFD:
                _erase_directory(block, block.value(entry))
            removed += 1
            if removed > _MOST_PLACES or not block.remove(ifd, entry):
                return None
    return bytes(block.bytes)


def _erase_directory(block: _Block, ifd: int) -> None:
    for entry in block.entries(ifd).values():
        block.erase(entry.value, entry.size)
    block.erase(ifd, 2 + 12 * block.count(ifd))


def compact(exif: bytes, largest: int) -> tuple[bytes | None, bool]:
    """The block without gaps and, as far as it is still above `largest` bytes, without its largest values.

    Returns whether values were left out. The maker note, which no one else can read, is the first of them.
    """
    if len(exif) <= largest:
        return exif, False
    tree = Tiff(io.BytesIO(exif)).tree()
    block, is_whole = tree.block(), True
    while block is not None and len(block) > largest:
        excess, is_whole = len(block) - largest, False
        tree = tree.without_maker_note() if tree.maker_note else tree.without_largest(excess)
        block = tree.block()
    return block, not is_whole


def with_tags(exif: bytes | None, tags: Mapping[int, Value]) -> bytes:
    """The block with tags added to its first directory, or in the place of those there.

    Nothing else moves: the directory is written again at the block's end. Without a block a little-endian one is made.
    """
    block = _Block((exif or b"II*\0").ljust(8, b"\0"))
    entries = {tag: bytes(block.bytes[e.at : e.at + 12]) for tag, e in block.entries(block.first).items()}
    following = block.number(block.end(block.first), "I") if block.first else 0
    for tag, value in tags.items():
        stored = value.raw.ljust(4, b"\0")
        if len(value.raw) > 4:
            stored = struct.pack(block.order + "I", _append(block.bytes, value.raw))
        entries[tag] = struct.pack(block.order + "HHI", tag, value.kind, value.count) + stored
    table = b"".join(entries[tag] for tag in sorted(entries))
    at = _append(block.bytes, struct.pack(block.order + "H", len(entries)) + table + bytes(4))
    block.put(at + 2 + len(table), "I", following)
    block.put(4, "I", at)
    return bytes(block.bytes)


def _append(block: bytearray, raw: bytes) -> int:
    block.extend(bytes(len(block) % 2))
    at = len(block)
    block.extend(raw)
    return at


def resolution(exif: bytes | None) -> tuple[float, float] | None:
    """Pixels per inch across and down that a block states; None if it states none."""
    tags = _first_values(exif)
    if tags is None:
        return None
    order, found = tags
    per_unit = []
    for tag in (X_RESOLUTION, Y_RESOLUTION):
        value = found.get(tag)
        if value is None or value.kind != 5 or value.count != 1:
            return None
        above, below = struct.unpack(order + "II", value.raw)
        per_unit.append(above / below if below else 0.0)
    unit = found.get(RESOLUTION_UNIT)
    kind = struct.unpack(order + "H", unit.raw)[0] if unit and unit.kind == 3 and unit.count == 1 else 2
    if kind not in {2, 3} or not all(0.1 <= v <= 1e6 for v in per_unit):
        return None
    by = 2.54 if kind == 3 else 1
    return round(per_unit[0] * by, 2), round(per_unit[1] * by, 2)


def with_resolution(exif: bytes | None, across: float, down: float) -> bytes:
    """The block with these numbers of pixels per inch. Raises ValueError if the block is not EXIF."""
    order = ">" if exif and exif[:2] == b"MM" else "<"
    values = {tag: Value(5, 1, struct.pack(order + "II", round(v * 100), 100))
              for tag, v in ((X_RESOLUTION, across), (Y_RESOLUTION, down))}  # fmt: skip
    return with_tags(exif, {**values, RESOLUTION_UNIT: Value(3, 1, struct.pack(order + "H", 2))})


def is_only_resolution(exif: bytes) -> bool:
    """Whether a block says nothing but how large the picture is to be printed."""
    tags = _first_values(exif)
    return tags is not None and tags[1].keys() <= {*_RESOLUTION, ORIENTATION}


def is_adobe_rgb(exif: bytes | None) -> bool:
    """Whether the block says that the photo is in Adobe RGB, as cameras do that embed no profile."""
    if exif is None or exif[:4] not in {b"II*\0", b"MM\0*"}:
        return False
    tiff = Tiff(io.BytesIO(exif))
    tree = tiff.tree()
    space, index = tiff.numbers(tree.exif.get(_COLOR_SPACE)), tree.interop.get(_INTEROP_INDEX)
    return _ADOBE_RGB[0] in space or (_SRGB[0] not in space and index is not None and index.raw == _ADOBE_RGB[1])


def in_srgb(exif: bytes) -> bytes:
    """The block of a photo that was converted to sRGB."""
    if not is_adobe_rgb(exif):
        return exif
    block = _Block(exif)
    inner = block.entries(block.value(block.entries(block.first).get(EXIF_IFD)))
    block.replace(inner.get(_COLOR_SPACE), _SRGB[0])
    index = block.entries(block.value(inner.get(INTEROP_IFD))).get(_INTEROP_INDEX)
    if index is not None and index.size == 4:
        block.bytes[index.value : index.value + 4] = _SRGB[1]
    return bytes(block.bytes)


def first_tags(exif: bytes | None) -> frozenset[int] | None:
    """The tags of the first directory (none without a block); None if the block is not EXIF."""
    if exif is None:
        return frozenset()
    found = _first_values(exif)
    return None if found is None else frozenset(found[1])


def _first_values(exif: bytes | None) -> tuple[str, Directory] | None:
    if exif is None or exif[:4] not in {b"II*\0", b"MM\0*"}:
        return None
    tiff = Tiff(io.BytesIO(exif))
    return tiff.order, tiff.directory(tiff.first)[0]
