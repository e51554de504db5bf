"""AttentiveGAN (Qian et al., CVPR 2018) for raindrops: a map of the drops, found in steps, then an autoencoder."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEPS = 4
WIDTH = 32


def _layer(inputs: int, outputs: int, side: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (side // 2)
    return nn.Sequential(nn.Conv2d(inputs, outputs, side, stride, padding, dilation))


class _Up(nn.ModuleList):
    """Twice the size; the mean of neighbours hides the grid of the transposed convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__([nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)])

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(F.pad(self[0](x), (1, 0, 1, 0), "reflect"), 2, 1)


class AttentiveGan(nn.Module):
    """6,244,362 parameters; two small layers only served the training."""

    def __init__(self) -> None:
        super().__init__()
        self.det_conv0 = _layer(4, WIDTH)
        for k in range(1, 6):
            block = nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.ReLU(), nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
            self.add_module(f"det_conv{k}", nn.Sequential(*block, nn.ReLU()))
        for gate in "ifgo":
            self.add_module(f"conv_{gate}", _layer(2 * WIDTH, WIDTH))
        self.det_conv_mask = _layer(WIDTH, 1)
        self.conv1 = _layer(4, 64, side=5)
        self.conv2, self.conv3 = _layer(64, 128, stride=2), _layer(128, 128)
        self.conv4, self.conv5, self.conv6 = _layer(128, 256, stride=2), _layer(256, 256), _layer(256, 256)
        for k in range(1, 5):
            self.add_module(f"diconv{k}", _layer(256, 256, dilation=2**k))
        self.conv7, self.conv8 = _layer(256, 256), _layer(256, 256)
        self.deconv1, self.conv9 = _Up(256, 128), _layer(128, 128)
        self.deconv2, self.conv10 = _Up(128, 64), _layer(64, 32)
        self.outframe1, self.outframe2 = _layer(256, 3), _layer(128, 3)  # results at a quarter and half the size
        self.output = _layer(32, 3)

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of 4 → the same without drops, not clipped."""
        photo = rgb.flip(1)  # trained on blue, green, red
        drops = self._drops(photo)
        first = torch.relu(self.conv1(torch.cat([photo, drops], 1)))
        half = torch.relu(self.conv3(torch.relu(self.conv2(first))))
        x = half
        for name in ("conv4", "conv5", "conv6", "diconv1", "diconv2", "diconv3", "diconv4", "conv7", "conv8"):
            x = torch.relu(self.get_submodule(name)(x))
        x = torch.relu(self.conv9(torch.relu(self.deconv1(x)) + half))
        x = torch.relu(self.conv10(torch.relu(self.deconv2(x)) + first))
        return self.output(x).flip(1)

    def _drops(self, photo: Tensor) -> Tensor:
        """Where the drops are, N×1×H×W of any range: a recurrent network looks STEPS times."""
        drops = torch.full_like(photo[:, :1], 0.5)
        hidden = memory = torch.zeros_like(photo[:, :1]).expand(-1, WIDTH, -1, -1)
        for _ in range(STEPS):
            x = torch.relu(self.det_conv0(torch.cat([photo, drops], 1)))
            for k in range(1, 6):
                x = torch.relu(self.get_submodule(f"det_conv{k}")(x) + x)
            x = torch.cat([x, hidden], 1)
            keep, add, show = (torch.sigmoid(self.get_submodule(f"conv_{gate}")(x)) for gate in "fio")
            memory = keep * memory + add * torch.tanh(self.get_submodule("conv_g")(x))
            hidden = show * torch.tanh(memory)
            drops = self.det_conv_mask(hidden)
        return drops
