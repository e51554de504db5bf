"""Gates: weights of channels or pixels, found by two small layers."""

from __future__ import annotations

from torch import Tensor, nn


class Gate(nn.Module):
    """Weights each channel by the means of all, or, with outputs = 1, each pixel by its channels.

    name: of the layers in the weights file.
    """

    def __init__(
        self, name: str, width: int, reduction: int, outputs: int, *, bias: bool = True, leaky: bool = False
    ) -> None:
        super().__init__()
        self._name, self._by_means = name, outputs > 1
        first, last = (
            nn.Conv2d(width, width // reduction, 1, bias=bias),
            nn.Conv2d(width // reduction, outputs, 1, bias=bias),
        )
        self.add_module(name, nn.Sequential(first, nn.LeakyReLU() if leaky else nn.ReLU(), last, nn.Sigmoid()))

    def forward(self, x: Tensor) -> Tensor:
        """x: N×C×H×W float32; returns the same shape."""
        seen = x.mean((2, 3), keepdim=True) if self._by_means else x
        return x * self.get_submodule(self._name)(seen)
