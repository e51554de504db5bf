"""Where bfloat16 is worth using."""

from __future__ import annotations

import torch


def native(device: str = "cpu") -> bool:
    """Whether the device ("cpu", "cuda", "mps") has bfloat16 arithmetic; only there it is faster. MPS is untested."""
    return device == "cuda" or (device == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported())
