"""Compatibility shims between versions of libraries. Each function does nothing if no shim is needed.

torchvision's compiled part exists on the package index only for CUDA. Without it `import torchvision` fails because two
operators are missing, and so does everything that imports it: open_clip, timm, segment_anything, groundingdino, pyiqa.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


@cache
def torchvision_ready() -> None:
    """Call this before the first import of torchvision or of a library that needs it.

    Afterwards models, transforms and ops.nms work on the CPU; deform_conv2d and the decoders of torchvision.io do not.
    Raises ImportError without torchvision.
    """
    if _has_compiled_part():
        return
    import torch

    library = torch.library.Library("torchvision", "DEF")
    _libraries.append(library)
    for name in ("nms", "qnms"):
        # The operators must exist before torchvision is imported, which registers shapes for them.
        library.define(name + _SCHEMA)
    library.impl("nms", _nms, "CPU")
    from torchvision.ops import boxes

    setattr(boxes, "_assert_has_ops", lambda: None)  # noqa: B010 — private; it checks for nms, which exists now


def bert_ready() -> None:
    """Call before groundingdino builds a model: it needs three methods of BertModel that transformers 5 removed."""
    torchvision_ready()
    from transformers import BertModel

    for name, method in _BERT.items():
        if not hasattr(BertModel, name):
            setattr(BertModel, name, method)


_libraries: list[Any] = []
"""Operators exist as long as the library object that defined them."""


def _has_compiled_part() -> bool:
    import torch

    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        raise ImportError("torchvision is not installed", name="torchvision")
    for path in Path(spec.origin).parent.glob("_C.*"):
        try:
            torch.ops.load_library(path)
        except (OSError, ImportError):
            return False
        return hasattr(torch.ops.torchvision, "nms")
    return False


def _nms(dets: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Non-maximum suppression: indices (int64) of the boxes to keep, best first.

    dets: N×4 (x0, y0, x1, y1); scores: N; iou_threshold: the largest allowed overlap with a better box, 0..1.
    """
    import torch

    order = scores.argsort(descending=True, stable=True)
    left = dets[order]
    area = (left[:, 2] - left[:, 0]) * (left[:, 3] - left[:, 1])
    alive = torch.ones(len(order), dtype=torch.bool)
    for k in range(len(order)):
        if alive[k]:
            low, high = left[k + 1 :, :2].maximum(left[k, :2]), left[k + 1 :, 2:].minimum(left[k, 2:])
            shared = (high - low).clamp(min=0).prod(1)
            alive[k + 1 :] &= ~(shared / (area[k + 1 :] + area[k] - shared) > iou_threshold)
    return order[alive]


def _get_extended_attention_mask(self: Any, attention_mask: Tensor, *_: Any) -> Tensor:
    """0 for attended tokens, the lowest float for others; batch×1×1×n, or batch×1×n×n for a mask of pairs."""
    import torch

    wide = attention_mask[:, None, :, :] if attention_mask.dim() == 3 else attention_mask[:, None, None, :]
    return (1.0 - wide.to(self.dtype)) * torch.finfo(self.dtype).min


def _invert_attention_mask(self: Any, encoder_attention_mask: Tensor) -> Tensor:
    return _get_extended_attention_mask(self, encoder_attention_mask)


def _get_head_mask(_self: Any, head_mask: None, num_hidden_layers: int) -> list[None]:
    """No head is masked; groundingdino never asks for it."""
    assert head_mask is None, "heads cannot be masked"
    return [None] * num_hidden_layers


_BERT = {
    "get_extended_attention_mask": _get_extended_attention_mask,
    "invert_attention_mask": _invert_attention_mask,
    "get_head_mask": _get_head_mask,
}
