"""No file, however broken, crashes or hangs: each gives one sentence that names it, and the next one opens."""

from __future__ import annotations

import io
import os
import random
import struct
import sys
import tempfile
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import imagecodecs
import numpy as np
import OpenEXR
import psutil
import pytest
import tifffile
from PIL import Image

from clarity_desktop.backend.pictures import FORMATS, Decoder, Limits, encode
from clarity_desktop.backend.pictures.decode import decode, write_to_buffer
from clarity_desktop.backend.pictures.decoder import Stopped, child_command
from clarity_desktop.backend.pictures.stored_photo import Caps, Refused
from clarity_desktop.messages import UserError
from clarity_desktop.values import ExportOptions, Picture


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder()
    yield decoder
    decoder.close()


CAPS = Caps(pixels=250_000_000, bytes=10**9, frames=100)


def refused(decoder: Decoder, path: Path) -> str:
    """The one sentence that the file is refused with; it names the file."""
    with pytest.raises(UserError) as caught:
        decoder.read(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"“{path.name}” ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "stopped its decoder" not in sentence
    assert "seconds" not in sentence
    return sentence


def png(width: int, height: int, *chunks: tuple[bytes, bytes], depth: int = 8) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


def tiff(*entries: tuple[int, int, int, int], count: int | None = None) -> bytes:
    body = b"".join(struct.pack("<HHII", *e) for e in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries) if count is None else count) + body + bytes(4)


HOSTILE = {
    "bomb.png": png(60000, 60000, (b"IDAT", zlib.compress(bytes(1000)))),
    "bomb16.png": png(60000, 60000, (b"IDAT", zlib.compress(bytes(1000))), depth=16),
    "short.png": png(500, 500, (b"IDAT", zlib.compress(bytes(1000)))),
    "short16.png": png(500, 500, (b"IDAT", zlib.compress(bytes(1000))), depth=16),
    "no_data.png": png(50, 50),
    "zero.png": png(0, 0, (b"IDAT", zlib.compress(b""))),
    "depth.png": png(10, 10, (b"IDAT", zlib.compress(bytes(1000))), depth=77),
    "bomb.gif": b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x02L\x01\0;",
    "head.gif": b"GIF89a",
    "bomb.bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 2_000_000, 2_000_000, 1, 24, 0, 0, 0, 0, 0, 0),
    "short.bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 200, 200, 1, 24, 0, 0, 0, 0, 0, 0),
    "tags.tif": tiff((256, 4, 1, 10), count=65535),
    "huge.tif": tiff((256, 4, 1, 4_000_000), (257, 4, 1, 4_000_000), (258, 3, 1, 16), (262, 3, 1, 1), (273, 4, 1, 8),
                     (279, 4, 1, 4)),
    "strips.tif": tiff((256, 4, 1, 100), (257, 4, 1, 100), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
                       (273, 4, 0xFFFFFFF, 8), (278, 4, 1, 1), (279, 4, 0xFFFFFFF, 8)),
    "outside.tif": tiff((256, 4, 1, 100), (257, 4, 1, 100), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1),
                        (273, 4, 1, 0xFFFFFF0), (278, 4, 1, 100), (279, 4, 1, 20000)),
    "loop.tif": b"II*\0\x08\0\0\0" + struct.pack("<H", 0) + struct.pack("<I", 8),
    "box.avif": b"\0\0\0\x18ftypavif\0\0\0\0avifmif1" + b"\xff\xff\xff\xffmeta" * 50,
    "deep.heic": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + b"".join(
        struct.pack(">I", 8 * (2000 - k)) + b"meta" for k in range(2000)),
    "riff.webp": b"RIFF\xff\xff\xff\xffWEBPVP8L\xff\xff\xff\xff/\xff\xff\xff\xff\xff",
    "soi.jpg": b"\xff\xd8\xff",
    "size.jpg": b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x11\x00\x02\x11\x01\x03\x11\x01\xff\xd9",
    "text.jpg": b"This is not a photo at all.",
    "zeros.jpg": bytes(5000),
    "size.jxl": b"\xff\x0a\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff" * 3,
    "head.jxl": b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl " + b"\0\0\0\x01jxlp" * 20,
    "bomb.psd": b"8BPS" + struct.pack(">H6xHIIHHIII", 1, 3, 300000, 300000, 8, 3, 0, 0, 0) + bytes(100),
    "rows.psd": b"8BPS" + struct.pack(">H6xHIIHHIIIH", 1, 3, 30, 30, 8, 3, 0, 0, 0, 1) + b"\xff" * 400,
    "head.exr": b"\x76\x2f\x31\x01\x02\0\0\0channels\0chlist\0" + b"\xff" * 40,
    "masks.bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 70, 0, 70, 40, 9, 9, 1, 32, 3, 0, 0, 0, 0, 0) +
    struct.pack("<4I", 5, 10, 80, 0) + bytes(500),
    "program.png": b"\x7fELF" + bytes(300),
    "line\nbreak.txt": b"text",
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in HOSTILE if "\n" not in n])
def test_a_hostile_file_is_refused_with_one_sentence(decoder, tmp_path, name):
    (tmp_path / name).write_bytes(HOSTILE[name])
    refused(decoder, tmp_path / name)


def test_sizes_are_checked_before_anything_is_decoded(decoder, tmp_path):
    (tmp_path / "bomb.png").write_bytes(HOSTILE["bomb.png"])
    assert "60000 × 60000 pixels. The limit is 250 megapixels" in refused(decoder, tmp_path / "bomb.png")


def test_control_characters_of_a_name_are_not_shown(decoder, tmp_path):
    (tmp_path / "a\n\x1b[31m.txt").write_bytes(b"text")
    with pytest.raises(UserError) as caught:
        decoder.read(tmp_path / "a\n\x1b[31m.txt")
    assert str(caught.value).isprintable()


def small_files() -> dict[str, bytes]:
    rng = np.random.default_rng(5)
    files = {}
    for name in FORMATS:
        for depth in FORMATS[name].depths:
            pixels = rng.integers(0, 1 << depth, (37, 41, 3), np.uint8 if depth == 8 else np.uint16)
            files[f"{name}{depth}"] = encode(Picture(pixels), ExportOptions(Path("a"), format=name))
    gif = io.BytesIO()
    Image.fromarray(pixels[..., 0].astype(np.uint8)).save(gif, "GIF")
    progressive = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(progressive, "JPEG", progressive=True)
    psd = b"8BPS" + struct.pack(">H6xHIIHHIII", 1, 3, 37, 41, 8, 3, 0, 0, 0) + b"\0\0"
    psd += pixels.astype(np.uint8).transpose(2, 0, 1).tobytes()
    deep = imagecodecs.avif_encode(pixels >> 6, level=90, bitspersample=10, speed=9)
    return files | {"gif": gif.getvalue(), "progressive": progressive.getvalue(), "psd": psd, "avif10": bytes(deep),
                    "exr": exr(pixels), "float_lzw": float_tiff(pixels)}  # fmt: skip


def exr(pixels: np.ndarray) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage},
                     {"RGB": (pixels / 65535).astype(np.float32)}).write(f"{folder}/a.exr")  # fmt: skip
        return Path(folder, "a.exr").read_bytes()


def float_tiff(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, (pixels / 65535).astype(np.float32), photometric="rgb", compression="lzw", predictor=True)
    return out.getvalue()


FILES = small_files()


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_truncated_file_is_refused_wherever_it_was_cut(decoder, tmp_path, name):
    """Or it opens whole, where only what comes after the pixels is gone: never half a photo."""
    whole = FILES[name]
    path = tmp_path / name
    path.write_bytes(whole)
    pixels = decoder.read(path).pixels
    for cut in sorted({1, 2, 3, 7, 8, 13, *np.linspace(16, len(whole) - 1, 24).astype(int).tolist()}):
        path.write_bytes(whole[:cut])
        if cut < 0.9 * len(whole):
            refused(decoder, path)
            continue
        with suppress(UserError):
            assert np.array_equal(decoder.read(path).pixels, pixels), cut


@pytest.mark.parametrize("name", sorted(FILES))
def test_flipped_bytes_open_or_are_refused_but_never_stop_the_decoder(decoder, tmp_path, name):
    chance = random.Random(name)
    path = tmp_path / name
    for _ in range(40):
        broken = bytearray(FILES[name])
        for _ in range(chance.choice((1, 3, 10))):
            at = chance.randrange(min(len(broken), chance.choice((64, 400, 10**9))))
            broken[at] = chance.randrange(256)
        path.write_bytes(broken)
        said = ""
        try:
            assert decoder.read(path).pixels.ndim == 3
        except UserError as e:
            said = str(e)
        assert "stopped" not in said, bytes(broken)
        assert "seconds" not in said, bytes(broken)


def test_what_is_no_file_is_refused_without_waiting(decoder, tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    said = {n: refused(decoder, tmp_path / f"{n}.jpg") for n in ("pipe", "folder", "empty", "loop", "missing")}
    assert "not a regular file" in said["pipe"]
    assert "is a folder" in said["folder"]
    assert "is empty" in said["empty"]
    assert "cannot be read" in said["loop"]
    assert "was not found" in said["missing"]
    assert "not a regular file" in refused(decoder, Path("/dev/zero"))


def test_an_unreadable_file_is_refused(tmp_path, monkeypatch):
    """The system's refusal is faked: root, who runs many tests, is refused nothing."""

    def refuse(path: str) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.raises(Refused, match="no_permission"):
        decode(str(tmp_path / "a.jpg"), CAPS)


@pytest.mark.parametrize("name", sorted(FILES))
def test_what_the_child_does_gives_the_same_in_this_process(decoder, tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name])
    (tmp_path / "buffer").touch()
    photo = decode(str(tmp_path / name), CAPS)
    said = write_to_buffer(photo, str(tmp_path / "buffer"))
    there = decoder.read(tmp_path / name)
    assert np.array_equal(photo.pixels, there.pixels)
    assert said["size"] == (tmp_path / "buffer").stat().st_size
    assert (tmp_path / "buffer").read_bytes().startswith(there.pixels.tobytes())


@pytest.mark.parametrize("name", [n for n in HOSTILE if "\n" not in n])
def test_what_the_child_refuses_is_refused_without_an_unknown_exception(tmp_path, monkeypatch, name):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # as the child does
    (tmp_path / name).write_bytes(HOSTILE[name])
    with warnings.catch_warnings(action="ignore"), pytest.raises(Refused):
        decode(str(tmp_path / name), CAPS)


def test_modules_in_the_current_folder_are_not_imported(tmp_path, monkeypatch):
    for name in ("numpy", "json", "cv2", "clarity_desktop"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('hijacked')")
    (tmp_path / "good.jpg").write_bytes(FILES["jpeg8"])
    monkeypatch.chdir(tmp_path)
    decoder = Decoder()
    try:
        assert decoder.read(Path("good.jpg")).pixels.size
    finally:
        decoder.close()


def test_a_name_with_a_zero_byte_is_refused(decoder):
    with pytest.raises(UserError, match="cannot be read"):
        decoder.read(Path("/tmp/a\0b.jpg"))


def test_too_many_bytes_pixels_and_frames_are_refused(tmp_path):
    decoder = Decoder(Limits(megapixels=0.001, bytes=5000, frames=2))
    try:
        (tmp_path / "large.png").write_bytes(FILES["png8"] + bytes(10000))
        (tmp_path / "wide.gif").write_bytes(FILES["gif"])
        frames = [Image.fromarray(np.full((4, 4, 3), 60 * k, np.uint8)) for k in range(3)]
        frames[0].save(tmp_path / "many.webp", save_all=True, append_images=frames[1:])
        assert "Files above" in refused(decoder, tmp_path / "large.png")
        assert "limit is 0 megapixels" in refused(decoder, tmp_path / "wide.gif")
        assert "holds 3 pictures" in refused(decoder, tmp_path / "many.webp")
    finally:
        decoder.close()


MISBEHAVE = """
import io, os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from clarity_desktop.backend.pictures.decode import answer, serve

def reply(request):
    name = os.path.basename(request["path"])
    if name.startswith("hang"):
        time.sleep(600)
    while name.startswith("spin"):
        pass
    if name.startswith("exit"):
        os._exit(3)
    if name.startswith("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if name.startswith("lie"):
        return {"layout": {"pixels": {"at": 0, "shape": [9, 9, 3], "dtype": "uint8"}}, "size": 10**9, "notes": []}
    if name.startswith("noise"):
        os.write(1, b"\\xff" * 100)
        os._exit(0)
    return answer(request)

serve(io.BufferedReader(io.FileIO(0)), os.fdopen(os.dup(1), "wb"), reply)
"""


@pytest.fixture
def misbehaving(tmp_path: Path) -> Iterator[Decoder]:
    script = tmp_path / "child.py"
    script.write_text(MISBEHAVE)
    root = Path(__file__).resolve().parents[2]
    decoder = Decoder(Limits(seconds=2, wall_seconds=8), [sys.executable, str(script), str(root)])
    yield decoder
    decoder.close()


def test_a_decoder_that_hangs_or_dies_is_replaced_and_the_next_photo_opens(misbehaving, tmp_path):
    (tmp_path / "good.jpg").write_bytes(FILES["jpeg8"])
    said = {}
    for name in ("hang", "spin", "exit", "crash", "lie", "noise"):
        with pytest.raises(UserError) as caught:
            misbehaving.read(tmp_path / f"{name}.jpg")
        said[name] = str(caught.value)
        assert said[name].startswith(f"“{name}.jpg” ")
        assert misbehaving.read(tmp_path / "good.jpg").pixels.shape == (37, 41, 3)
    assert "takes too long to read" in said["hang"]
    assert said["spin"] == said["hang"].replace("hang", "spin")
    assert "stopped its decoder" in said["crash"]
    assert said["exit"] == said["crash"].replace("crash", "exit")


def test_a_child_killed_between_two_photos_is_replaced(tmp_path):
    decoder = Decoder()
    try:
        (tmp_path / "good.jpg").write_bytes(FILES["jpeg8"])
        decoder.read(tmp_path / "good.jpg")
        [child] = [c for c in psutil.Process().children() if "decode" in " ".join(c.cmdline())][-1:]
        child.kill()
        child.wait()
        assert decoder.read(tmp_path / "good.jpg").pixels.size
    finally:
        decoder.close()


def test_nothing_is_left_behind_by_refused_and_opened_photos(decoder, tmp_path):
    (tmp_path / "good.jpg").write_bytes(FILES["jpeg8"])
    (tmp_path / "bad.jpg").write_bytes(FILES["jpeg8"][:300])
    decoder.read(tmp_path / "good.jpg")
    before = psutil.Process().num_fds(), len(psutil.Process().children(recursive=True))
    for _ in range(20):
        decoder.read(tmp_path / "good.jpg")
        refused(decoder, tmp_path / "bad.jpg")
    assert (psutil.Process().num_fds(), len(psutil.Process().children(recursive=True))) == before


@pytest.mark.skipif(sys.platform != "linux", reason="the child's memory is limited on Linux")
@pytest.mark.parametrize("depth", [8, 16])
def test_a_memory_bomb_ends_in_the_child_and_the_next_photo_opens(tmp_path, depth):
    """A photo within the pixel cap that needs more memory than the child may have."""
    # Enough for the child and for the 8-bit photo of 675 MB alone, but not for both.
    decoder = Decoder(command=[*child_command(Limits())[:-1], str(850_000_000)])
    try:
        lines = zlib.compress(bytes((1 + 3 * 15000 * depth // 8) * 15000), 1)
        (tmp_path / "bomb.png").write_bytes(png(15000, 15000, (b"IDAT", lines), depth=depth))
        (tmp_path / "good.jpg").write_bytes(FILES["jpeg8"])
        assert "more memory" in refused(decoder, tmp_path / "bomb.png")
        assert decoder.read(tmp_path / "good.jpg").pixels.size
    finally:
        decoder.close()


def test_several_threads_share_one_decoder(decoder, tmp_path):
    names = ("jpeg8", "png16", "gif", "tiff16")
    for name in names:
        (tmp_path / name).write_bytes(FILES[name])
    alone = {name: decoder.read(tmp_path / name).pixels for name in names}
    wrong: list[str] = []

    def read(name: str) -> None:
        if not all(np.array_equal(decoder.read(tmp_path / name).pixels, alone[name]) for _ in range(10)):
            wrong.append(name)

    threads = [threading.Thread(target=read, args=(name,)) for name in names]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_a_closed_decoder_says_so(tmp_path):
    decoder = Decoder()
    decoder.close()
    with pytest.raises(UserError, match="the program is closing"):
        decoder.read(tmp_path / "a.jpg")


def test_a_child_that_cannot_start_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="could not be started"):
        Decoder(command=[str(tmp_path / "absent")])


def test_a_photo_that_is_no_longer_wanted_does_not_hold_up_the_next(misbehaving, tmp_path):
    (tmp_path / "good.jpg").write_bytes(FILES["jpeg8"])
    ended: list[str] = []
    stops = [threading.Event(), threading.Event()]

    def read(stop: threading.Event) -> None:
        try:
            misbehaving.read(tmp_path / "hang.jpg", stop)
        except Stopped:
            ended.append("stopped")

    threads = [threading.Thread(target=read, args=(stop,)) for stop in stops]
    for thread in threads:
        thread.start()
    for stop in stops:  # one is being read, the other waits for it
        misbehaving.stop(stop)
    for thread in threads:
        thread.join()
    assert ended == ["stopped", "stopped"]
    assert misbehaving.read(tmp_path / "good.jpg", threading.Event()).pixels.size
