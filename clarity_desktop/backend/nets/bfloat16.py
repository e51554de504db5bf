"""Where bfloat16 is worth using."""

from __future__ import annotations

import torch


def native(device: str = "cpu") -> bool:
    """Whether the device multiplies bfloat16 itself: only there it is quicker, and there by far. MPS is untried."""
    return device == "cuda" or (device == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported())
