"""Recognizes the network that a weights file belongs to, with spandrel. The file is data that may be hostile."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import re
import struct
import time
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from clarity_desktop.backend import library_shims
from clarity_desktop.backend.weights.architectures import ARCHITECTURES, registry_of
from clarity_desktop.backend.weights.formats import FORMATS, MAX_BYTES, Damaged
from clarity_desktop.messages import UserError
from clarity_desktop.text import size
from clarity_desktop.values import TASKS, RecognizedModel, Task, Tiling

MAX_HEADER = 50_000_000
"""Bytes of the header of a safetensors file."""
PROBE = 64
"""Side in pixels of the picture on which a network is tried."""

_NAMES: Mapping[Task, str] = {
    "derain": r"(?<!t)rain", "desnow": r"snow", "dehaze": r"haz[ey]|reside", "deblur": r"blur|gopro|reds",
    "denoise": r"nois|sidd|dncnn|drunet|scunet", "dejpeg": r"jpe?g|artifact|fbcnn",
    "low_light": r"low.?light|lol|dark", "deshadow": r"shadow", "deflare": r"flare", "dewatermark": r"watermark",
    "overexposure": r"expos",
}  # fmt: skip
"""Words in the name of a file or of an architecture that tell what a network restores."""


def read(path: Path) -> tuple[bytes, str]:
    """A weights file as the bytes of a safetensors file, and the license that it states ("" if it states none).

    Raises UserError for a file that is too large, damaged, of another kind, or that could run code; OSError.
    """
    length = path.stat().st_size
    if length > MAX_BYTES:
        raise UserError("weights.own_too_large", file=path.name, size=size(length), limit=size(MAX_BYTES))
    with path.open("rb") as file:
        head = file.read(8)
    declared = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
    is_safetensors = 0 < declared <= min(MAX_HEADER, length - 8) and not zipfile.is_zipfile(path)
    # A pickle begins with 80 hex, which may also be the first byte of the length of a header.
    is_torch = not is_safetensors and (zipfile.is_zipfile(path) or head[:1] == b"\x80")
    if not (is_safetensors or is_torch):
        # The beginning of an archive, or of a header.
        is_cut = not length or head[:2] == b"PK" or path.suffix.lower() == ".safetensors"
        raise UserError("weights.own_damaged" if is_cut else "weights.own_wrong_type", file=path.name)
    try:
        if is_torch:
            _check_unpacked(path)
        content = FORMATS["torch" if is_torch else "safetensors"].read([path])
    except Damaged as e:
        raise UserError("weights.own_damaged", file=path.name) from e
    except ValueError as e:
        raise UserError("weights.own_refused", file=path.name, detail=str(e).rstrip(".")) from e
    return content, "" if is_torch else _stated_licence(content)


def _check_unpacked(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError) as e:
        raise ValueError(f"it is damaged ({e})") from e
    if total > MAX_BYTES:
        raise UserError("weights.own_too_large", file=path.name, size=size(total), limit=size(MAX_BYTES))


def _stated_licence(content: bytes) -> str:
    length = struct.unpack("<Q", content[:8])[0]
    stated: Any = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    texts = (stated.get(key) for key in ("license", "licence", "modelspec.license"))
    return next((str(text).strip()[:200] for text in texts if text), "")


def recognize(content: bytes, name: str, licence: str = "") -> RecognizedModel:
    """What network the bytes of a safetensors file hold, tried on a small picture. name: of the file, for the task.

    Raises UserError for a network that is unknown or cannot be used.
    """
    import torch

    network = build(_tensors(content, name), name)
    square = square_side(network)
    channels = network.input_channels
    if channels not in (1, 3) or network.output_channels != channels:
        raise UserError("weights.own_other_channels", file=name, architecture=network.architecture.name)
    side = square or max(PROBE, network.size_requirements.minimum)
    picture = torch.rand(1, channels, side, side, generator=torch.Generator().manual_seed(0))
    inputs = (picture, torch.ones(1, 1, side, side)) if network.purpose == "Inpainting" else (picture,)
    started = time.perf_counter()
    try:
        with torch.inference_mode():
            result = call(network, *inputs)
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as e:
        raise UserError("weights.own_does_not_run", file=name, architecture=network.architecture.name) from e
    seconds = (time.perf_counter() - started) / side**2 * 1e6
    if result.shape != (1, channels, network.scale * side, network.scale * side) or not torch.isfinite(result).all():
        raise UserError("weights.own_does_not_run", file=name, architecture=network.architecture.name)
    return RecognizedModel(
        title=Path(name).stem[:60] or network.architecture.name,
        architecture=network.architecture.name,
        task=task_of(network, name),
        tasks=_possible_tasks(network),
        licence=licence,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        scale=network.scale,
        channels=channels,
        multiple_of=1 if square else network.size_requirements.multiple_of,
        tiling="no" if square else _TILING[network.tiling.name],
        needs_mask=network.purpose == "Inpainting" or is_for_faces(network),
        speed=seconds,
    )


def _tensors(content: bytes, name: str) -> Mapping[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(content)
    except (SafetensorError, LookupError, RuntimeError, ValueError) as e:  # numbers of 4 bits, sides of 2⁶⁴
        detail = "it has tensors of a kind that is not read"
        raise UserError("weights.own_refused", file=name, detail=detail) from e


def is_for_faces(network: Any) -> bool:
    """Whether a network from `build` restores one upright face."""
    return network.purpose == "FaceSR"


def square_side(network: Any) -> int | None:
    """The side in pixels of the squares that a network from `build` takes; None if it takes any size."""
    sizes = network.size_requirements
    return max(sizes.minimum, sizes.multiple_of) if is_for_faces(network) or sizes.square else None


def call(network: Any, *inputs: Any) -> Any:
    """What a network from `build` makes of its inputs, N×C×H×W float32 0..1 each, as one of 0..1.

    Networks for faces compute with −1..1, which spandrel leaves to its users.
    """
    if is_for_faces(network):
        return network.model(2 * inputs[0] - 1)[0] / 2 + 0.5
    return network(*inputs)


_TILING: Mapping[str, Tiling] = {"SUPPORTED": "yes", "DISCOURAGED": "discouraged", "INTERNAL": "no"}


def _possible_tasks(network: Any) -> tuple[Task, ...]:
    if (own := ARCHITECTURES.get(network.architecture.id)) and own.needs_mask:
        return (own.task,)
    if network.purpose == "Inpainting":
        return ("inpaint",)
    if is_for_faces(network):
        return ("retouch",)
    if network.scale > 1:
        return ("upscale",)
    return tuple(task for task in TASKS if task not in ("inpaint", "upscale"))


def task_of(network: Any, name: str) -> Task | None:
    """The task of a network from `build`, None where neither it nor the name of its file tells it."""
    if own := ARCHITECTURES.get(network.architecture.id):
        return own.task
    possible = _possible_tasks(network)
    if len(possible) == 1:
        return possible[0]
    for text in (name.lower(), network.architecture.id.lower()):
        for task, words in _NAMES.items():
            if re.search(words, text):
                return task
    return None


def build(state: Mapping[str, Any], name: str) -> Any:
    """The network of a state dict with its weights, in evaluation mode: spandrel's ModelDescriptor.

    Raises UserError for a state dict of no known network.
    """
    # MAT is published with the noise of its training, which spandrel's network does not have.
    state = {key: values for key, values in state.items() if not re.search(r"\.noise_(const|strength)$", key)}
    # Architectures are built from the numbers in the keys; none that lack tensors for their layers may be built.
    numbers = [int(number) for key in state for number in re.findall(r"\d+", key)]
    if max(numbers, default=0) > 4 * len(state) + 64:
        raise UserError("weights.own_unknown", file=name)
    try:
        network = _loader().load_from_state_dict(state)
    except Exception as e:  # its detectors raise anything for the shapes of a foreign file
        raise UserError("weights.own_unknown", file=name) from e
    return network.eval()


@cache
def _loader() -> Any:
    library_shims.torchvision_ready()
    spandrel = importlib.import_module("spandrel")
    # More networks, under licenses of their own: only where the user installed them.
    if importlib.util.find_spec("spandrel_extra_arches"):
        importlib.import_module("spandrel_extra_arches").install(ignore_duplicates=True)
    return spandrel.ModelLoader(registry=registry_of(spandrel))
