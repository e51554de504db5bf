"""SCI (Ma et al., CVPR 2022): the light of a dark photo by three convolutions, and the photo divided by it."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

PREFIX = "enhance."
"""Of the published tensors only these are used; the others trained them."""


class Sci(nn.Module):
    """258 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.in_conv = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())
        self.block = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU())
        self.out_conv = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Sigmoid())

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 → the same, brighter, 0..1."""
        features = self.in_conv(rgb)
        features = features + self.block(features)
        light = (self.out_conv(features) + rgb).clamp(1e-4, 1)
        return (rgb / light).clamp(0, 1)

    def load_published(self, tensors: Mapping[str, Tensor]) -> None:
        """Load the tensors of the authors' file, float32 of any shape. Raises RuntimeError for another network's."""
        used = {key.removeprefix(PREFIX): tensor for key, tensor in tensors.items() if key.startswith(PREFIX)}
        # The file names one block twice: as a layer of its own and as the first of a list.
        self.load_state_dict({
            key.replace("conv.", "block.") if key.startswith("conv.") else key: tensor
            for key, tensor in used.items()
            if not key.startswith("blocks.")
        })  # fmt: skip
