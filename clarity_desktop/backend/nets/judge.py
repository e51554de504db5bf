"""Compares a photo with a restoration of it: better, as good, or worse.

A small ensemble over what the detector's tower sees in both photos and over measures of their difference. It has no
tower of its own, so that a comparison costs little more than two looks of the detector.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

VERDICTS = "better", "equal", "worse"
MEMBERS = 5
"""Networks of the ensemble; they differ in their start and in the pairs that they were trained on."""
_WIDTH = 96


class Judge(nn.Module):
    """Features of a pair (N×F float32) → log probabilities of VERDICTS, N×3."""

    middle: Tensor
    spread: Tensor
    temperature: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("middle", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.members = nn.ModuleList(
            nn.Sequential(
                nn.Dropout(0.2), nn.Linear(features, _WIDTH), nn.GELU(), nn.Dropout(0.2), nn.Linear(_WIDTH, _WIDTH),
                nn.GELU(), nn.Linear(_WIDTH, len(VERDICTS)),
            )
            for _ in range(MEMBERS)
        )  # fmt: skip
        self.register_buffer("temperature", torch.ones(()))

    def member(self, index: int, features: Tensor) -> Tensor:
        """Logits of one member, N×3 float32, of N×F float32 features."""
        return self.members[index](self.scaled(features))

    def scaled(self, features: Tensor) -> Tensor:
        """The features (N×F float32) with the mean 0 and the deviation 1 that they had in the training, within ±5."""
        return ((features - self.middle) / self.spread).clamp(-5, 5)

    def forward(self, features: Tensor) -> Tensor:
        """Log probabilities, N×3: the mean of the members' probabilities, of N×F float32 features."""
        logits = torch.stack([self.member(k, features) for k in range(MEMBERS)]) / self.temperature
        return logits.log_softmax(2).exp().mean(0).clamp_min(1e-6).log()
