"""What answers in a bench: anything that makes a Detection of a photo, by the way that the product goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from clarity_desktop.backend import weights
from clarity_desktop.backend.detect import Views, understood, views
from clarity_desktop.backend.nets.detector import Detector
from clarity_desktop.messages import UserError
from clarity_desktop.values import Detection, Pixels

Look = Callable[[Pixels], Detection]


def look_with(net: nn.Module) -> Look:
    """The look of a network that takes overview, crops and places as nets.detector.Detector does."""

    def look(pixels: Pixels) -> Detection:
        seen = views(pixels)
        said = logits(net, seen)
        return understood({k: v[0] for k, v in said.items()}, seen.places)

    return look


def logits(net: nn.Module, seen: Views) -> dict[str, NDArray[np.float32]]:
    """What a network says of one photo; the first axis has length 1."""
    fast: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()  # as in the product
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=fast):
        said: dict[str, Any] = net(
            planes(seen.overview[None]), planes(seen.crops)[None], torch.from_numpy(seen.places)[None]
        )
    return {k: v.float().numpy() for k, v in said.items()}


def planes(rgb: NDArray[np.uint8]) -> Tensor:
    """N×H×W×3 in 0..255 → N×3×H×W in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(rgb)).permute(0, 3, 1, 2).float() / 255


def built_in(path: Path | None = None) -> Detector:
    """The built-in detector with the weights of a file, or those that travel with the program.

    Raises UserError for a file that holds something else, ModelMissing where the program's own is absent.
    """
    path = path or weights.need(("clarity-detector",))["clarity-detector"]
    net = Detector().eval()
    try:
        net.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise UserError(f"“{path}” holds no weights of the detector ({str(error).splitlines()[0]}).") from error
    return net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
