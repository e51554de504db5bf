"""The header of a JPEG XL codestream: what its samples are, and in which color space.

The decoder gives samples only. The fields are read as ISO/IEC 18181-1 defines them: bits from the lowest on, in a few
forms. The bytes are untrusted: what lies beyond the end reads as zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from clarity_desktop.backend.pictures.boxes import boxes
from clarity_desktop.backend.pictures.stored_photo import CodePoints

SIGNATURE, CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_MOST_CHANNELS = 256
_ALPHA, _SPOT, _CFA, _BLACK = 0, 2, 5, 4  # kinds of extra channels
_XYB, _GRAY = 2, 1  # color spaces
_CUSTOM = 2
_SRGB = CodePoints(1, 13)
Form = tuple[int | tuple[int, int], int | tuple[int, int], int | tuple[int, int], int | tuple[int, int]]
_ENUM: Form = (0, 1, (2, 4), (18, 6))


@dataclass(slots=True)
class Header:
    """What a codestream says about itself.

    code_points, or primaries and white (xy) where the file gives them as numbers, and gamma where the curve is a plain
    power. transfer_at, depth_at: the bit of the codestream at which the number of the curve and the depth begin, 0 if
    they are not stated. has_icc: it has an ICC profile, which the decoder does not give. is_xyb: the decoder converts
    the colors.
    """

    width: int = 0
    height: int = 0
    bits: int = 8
    is_float: bool = False
    is_animated: bool = False
    is_gray: bool = False
    has_black: bool = False
    is_premultiplied: bool = False
    is_xyb: bool = True
    has_icc: bool = False
    code_points: CodePoints = _SRGB
    primaries: tuple[tuple[float, float], ...] | None = None
    white: tuple[float, float] | None = None
    gamma: float | None = None
    transfer_at: int = 0
    depth_at: int = 0


def codestream_at(data: bytes) -> int:
    """Where the codestream of a file begins, which is one or holds one in boxes. Raises ValueError."""
    if data.startswith(SIGNATURE):
        return 0
    for kind, start, _ in boxes(data):
        if kind in {b"jxlc", b"jxlp"}:  # of several parts, the first is longer than the header
            return start if kind == b"jxlc" else start + 4
    raise ValueError("no JPEG XL codestream")


def with_more_bits(data: bytes, header: Header) -> bytes:
    """The file with its 8-bit samples declared as 12-bit ones; what is stored of XYB pictures has no depth."""
    at = 8 * codestream_at(data) + header.depth_at + 1  # after the flag for floating point: two bits, 0 for 8, 2 for 12
    start = at // 8
    value = int.from_bytes(data[start : start + 2], "little") | 2 << at % 8
    return data[:start] + value.to_bytes(2, "little") + data[start + 2 :]


def parse(data: bytes) -> Header:
    """Read the header of a file or a codestream. Raises ValueError."""
    at = codestream_at(data)
    if not data.startswith(SIGNATURE, at):
        raise ValueError("not a JPEG XL codestream")
    return _Bits(data[at + 2 : at + 4096]).header()


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._value, self._at = int.from_bytes(data, "little"), 0

    def take(self, count: int) -> int:
        taken = (self._value >> self._at) & ((1 << count) - 1)
        self._at += count
        return taken

    def flag(self) -> bool:
        return bool(self.take(1))

    def chosen(self, form: Form) -> int:
        """A number in one of four forms, by two bits: a constant, or (offset, bits)."""
        one = form[self.take(2)]
        return one if isinstance(one, int) else one[0] + self.take(one[1])

    def header(self) -> Header:
        found = Header()
        found.width, found.height = self._size()
        if self.flag():
            return found
        if self.flag():
            self._extra_fields(found)
        found.depth_at = self._at + 8 * len(SIGNATURE)
        found.is_float, found.bits = self._depth()
        self.take(1)  # whether 16-bit buffers suffice
        count = self.chosen((0, 1, (2, 4), (1, 12)))
        if count > _MOST_CHANNELS:
            raise ValueError("too many channels")
        for _ in range(count):
            self._channel(found)
        found.is_xyb = self.flag()
        self._colors(found)
        return found

    def _size(self) -> tuple[int, int]:
        form: Form = ((1, 9), (1, 13), (1, 18), (1, 30))
        small = self.flag()
        height = 8 * (1 + self.take(5)) if small else self.chosen(form)
        ratio = self.take(3)
        if ratio:
            across, down = _RATIOS[ratio - 1]
            return height * across // down, height
        return 8 * (1 + self.take(5)) if small else self.chosen(form), height

    def _extra_fields(self, found: Header) -> None:
        self.take(3)  # the orientation, which the decoder applies
        if self.flag():
            self._size()
        if self.flag():
            self._preview()
        if self.flag():
            found.is_animated = True
            self.chosen((100, 1000, (1, 10), (1, 30)))
            self.chosen((1, 1001, (1, 8), (1, 10)))
            self.chosen((0, (0, 3), (0, 16), (0, 32)))
            self.take(1)

    def _preview(self) -> None:
        form: Form = ((1, 6), (65, 8), (321, 10), (1345, 12))
        eighths: Form = (16, 32, (1, 5), (33, 9))
        small = self.flag()
        self.chosen(eighths if small else form)
        if not self.take(3):
            self.chosen(eighths if small else form)

    def _depth(self) -> tuple[bool, int]:
        if self.flag():
            bits = self.chosen((32, 16, 24, (1, 6)))
            self.take(4)
            return True, bits
        return False, self.chosen((8, 10, 12, (1, 6)))

    def _channel(self, found: Header) -> None:
        if self.flag():  # alpha of 8 bits, not premultiplied
            return
        kind = self.chosen(_ENUM)
        self._depth()
        self.chosen((0, 3, 4, (1, 3)))
        self.take(8 * self.chosen((0, (0, 4), (16, 5), (48, 10))))
        if kind == _ALPHA:
            found.is_premultiplied = self.flag() or found.is_premultiplied
        elif kind == _SPOT:
            self.take(64)
        elif kind == _CFA:
            self.chosen((1, (0, 2), (3, 4), (19, 8)))
        elif kind == _BLACK:
            found.has_black = True

    def _colors(self, found: Header) -> None:
        if self.flag():
            return
        found.has_icc = self.flag()
        space = self.chosen(_ENUM)
        found.is_gray = space == _GRAY
        if found.has_icc:
            return
        primaries, transfer = 1, 13
        if space != _XYB:
            if self.chosen(_ENUM) == _CUSTOM:
                found.white = self._xy()
            if space != _GRAY:
                primaries = self.chosen(_ENUM)
                if primaries == _CUSTOM:
                    found.primaries = (self._xy(), self._xy(), self._xy())
            if self.flag():
                found.gamma = self.take(24) / 1e7
            else:
                found.transfer_at = self._at + 8 * len(SIGNATURE)
                transfer = self.chosen(_ENUM)
        # P3's primaries have one number here, with or without the white of cinemas.
        found.code_points = CodePoints(12 if primaries == 11 else primaries, transfer)

    def _xy(self) -> tuple[float, float]:
        form: Form = ((0, 19), (524288, 19), (1048576, 20), (2097152, 21))
        x, y = self.chosen(form), self.chosen(form)
        return self._signed(x) / 1e6, self._signed(y) / 1e6

    @staticmethod
    def _signed(number: int) -> int:
        return -(number + 1) // 2 if number & 1 else number // 2
