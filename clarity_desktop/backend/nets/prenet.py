"""PReNet (Ren et al., CVPR 2019): rain is removed in several stages of one recurrent network.

Three published networks have these layers: PReNet itself, the generator that its authors trained for real photos, and
the derainer of VRGNet (Wang et al., CVPR 2021). Names and shapes are those of the published files.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clarity_desktop.backend.nets.conv_relu import ConvRelu

WIDTH = 32


def _block() -> nn.Sequential:
    # Nothing stands where the authors' tensors count a ReLU.
    return nn.Sequential(
        ConvRelu(WIDTH, WIDTH, 3, padding=1), nn.Identity(), ConvRelu(WIDTH, WIDTH, 3, padding=1), nn.Identity()
    )


class _Layers(nn.Module):
    """The layers of one stage, which all stages share."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0 = nn.Sequential(ConvRelu(6, WIDTH, 3, padding=1))
        for number in range(1, 6):
            self.add_module(f"res_conv{number}", _block())
        for gate in ("i", "f", "o"):
            self.add_module(f"conv_{gate}", nn.Sequential(nn.Conv2d(2 * WIDTH, WIDTH, 3, padding=1), nn.Sigmoid()))
        self.conv_g = nn.Sequential(nn.Conv2d(2 * WIDTH, WIDTH, 3, padding=1), nn.Tanh())
        self.conv = nn.Sequential(nn.Conv2d(WIDTH, 3, 3, padding=1))

    def remember(self, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """One step of the LSTM: the new hidden state and cell, N×WIDTH×H×W float, of features of the same shape."""
        sequences = [cast(nn.Sequential, self.get_submodule(f"conv_{gate}")) for gate in "ifog"]
        gates = [cast(nn.Conv2d, sequence[0]) for sequence in sequences]
        # One convolution for all four: they see the same features.
        weight, bias = torch.cat([g.weight for g in gates]), torch.cat([cast(Tensor, g.bias) for g in gates])
        write, keep, show, new = F.conv2d(torch.cat((x, hidden), 1), weight, bias, padding=1).chunk(4, 1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(write) * torch.tanh(new)
        return torch.sigmoid(show) * torch.tanh(cell), cell

    def refine(self, x: Tensor) -> Tensor:
        """The five residual blocks on N×WIDTH×H×W float features."""
        for number in range(1, 6):
            x = torch.relu(self.get_submodule(f"res_conv{number}")(x) + x)
        return x

    def no_memory(self, rgb: Tensor) -> Tensor:
        """The first hidden state and cell: zeros, N×WIDTH×H×W float, for N×3×H×W rgb."""
        return rgb.new_zeros(rgb.shape[0], WIDTH, *rgb.shape[-2:])


class PReNet(_Layers):
    """Six stages; each predicts the difference from the rainy photo."""

    stages = 6

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 → the same without rain, not clipped."""
        result = rgb
        hidden = cell = self.no_memory(rgb)
        for _ in range(self.stages):
            result, hidden, cell = self.stage(rgb, result, hidden, cell)
        return result

    def stage(self, rgb: Tensor, before: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One stage: its result, N×3×H×W float RGB around 0..1, and the memory, N×WIDTH×H×W float, for the next one."""
        hidden, cell = self.remember(self.conv0(torch.cat((rgb, before), 1)), hidden, cell)
        return self.conv(self.refine(hidden)) + rgb, hidden, cell


class RealPReNet(_Layers):
    """The authors' network for real photos: four stages that predict the photo itself, with the memory at their end."""

    stages = 4

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 → the same without rain, not clipped."""
        result = rgb
        hidden = cell = self.no_memory(rgb)
        for _ in range(self.stages):
            features = self.refine(self.conv0(torch.cat((rgb, result), 1)))
            hidden, cell = self.remember(features, hidden, cell)
            result = self.conv(hidden)
        return result


class _VRGDerainer(PReNet):
    """Its last stage predicts mean and variance of the clean photo; the mean is the result."""

    def __init__(self) -> None:
        super().__init__()
        self.convfinal = nn.Sequential(nn.Conv2d(WIDTH, 6, 3, padding=1))

    def forward(self, rgb: Tensor) -> Tensor:
        result = rgb
        hidden = cell = self.no_memory(rgb)
        for _ in range(self.stages - 1):
            result, hidden, cell = self.stage(rgb, result, hidden, cell)
        hidden, _ = self.remember(self.conv0(torch.cat((rgb, result), 1)), hidden, cell)
        return self.convfinal(self.refine(hidden))[:, :3] + rgb


class VRGNet(nn.Module):
    """The derainer of VRGNet, trained on real rain together with a generator of rain."""

    def __init__(self) -> None:
        super().__init__()
        self.derainet = _VRGDerainer()

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 → the same without rain, not clipped."""
        return self.derainet(rgb)
