"""Our networks of papers whose weights the program cannot download; files of them are recognized on import.

Their authors keep the weights on a drive, or in a repository without a checksum. To add one, add it to ARCHITECTURES
and to NETWORKS in nets/library.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from clarity_desktop.values import Task

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Own:
    """A built-in network: its name in papers, what it is for, and what it needs to know of a photo."""

    name: str
    task: Task
    multiple_of: int = 1
    minimum: int = 32
    """Smallest side in pixels."""
    needs_mask: bool = False
    part: str = ""
    """How the names of its tensors begin, where the published file holds those of another network beside them."""
    whole: bool = False
    """Whether it should see the whole photo, because its result depends on means over the picture."""


ARCHITECTURES: Mapping[str, Own] = {
    "attentive-gan": Own("AttentiveGAN", "deraindrop", 4),
    "deep-deblur": Own("DeepDeblur", "deblur", 4),
    "dehaze-former-t": Own("DehazeFormer", "dehaze", 4, whole=True),
    "dehaze-former-s": Own("DehazeFormer", "dehaze", 4, whole=True),
    "dehaze-former-b": Own("DehazeFormer", "dehaze", 4, whole=True),
    "dehaze-former-m": Own("DehazeFormer", "dehaze", 4, whole=True),
    "dcc-net": Own("DCC-Net", "low_light", 8, whole=True),
    "deep-fill": Own("DeepFill v2", "inpaint", 8, minimum=128, needs_mask=True, part="generator."),
    "eyiokur": Own("Exposure Correction", "overexposure", 16, whole=True),
    "ffa-net": Own("FFA-Net", "dehaze", whole=True),
    "grid-dehaze": Own("GridDehazeNet", "dehaze", 4),
    "neighbor": Own("Neighbor2Neighbor", "denoise", 32),
    "g2r-shadow": Own("G2R-ShadowNet", "deshadow", 4, needs_mask=True, whole=True),
    "rcd-net": Own("RCDNet", "derain"),
    "snow-former": Own("SnowFormer", "desnow", 64),
    "snr-net": Own("SNR-Net", "low_light", 16, whole=True),
    "uformer-flare": Own("Uformer (Flare7K++)", "deflare", 128, whole=True),
    "vdn": Own("VDN", "denoise", 8),
    "wdnet": Own("WDNet", "dewatermark", 16),
}
"""By the ids that they have in spandrel's table."""


def registry_of(spandrel: Any) -> Any:
    """spandrel's table of networks with ours, which are recognized by the names and shapes of all their tensors."""
    architecture: type[Any] = spandrel.Architecture
    tiling: Any = spandrel.ModelTiling

    class Published(architecture):
        def __init__(self, own_id: str, own: Own) -> None:
            super().__init__(id=own_id, name=own.name, detect=partial(holds, own_id))
            self._own = own

        def load(self, state_dict: Mapping[str, Any]) -> Any:
            net = _network(self.id)
            tensors = {name: state_dict[name] for name in _expected(self.id)}
            multiple = self._own.multiple_of
            sizes = spandrel.SizeRequirements(minimum=max(self._own.minimum, multiple), multiple_of=multiple)
            facts: dict[str, Any] = {
                "tags": [], "supports_half": False, "supports_bfloat16": False, "input_channels": 3,
                "output_channels": 3, "tiling": tiling.DISCOURAGED if self._own.whole else tiling.SUPPORTED,
                "size_requirements": sizes,
            }  # fmt: skip
            if self._own.needs_mask:
                return spandrel.MaskedImageModelDescriptor(net, tensors, self, purpose="Inpainting", **facts)
            return spandrel.ImageModelDescriptor(net, tensors, self, purpose="Restoration", scale=1, **facts)

    registry = spandrel.MAIN_REGISTRY.copy()
    # Before the others: these compare every tensor, others only a few names.
    others = tuple(support.architecture.id for support in registry)
    published = (Published(own_id, own) for own_id, own in ARCHITECTURES.items())
    registry.add(*(spandrel.ArchSupport.from_architecture(architecture, others) for architecture in published))
    return registry


def holds(own_id: str, state: Mapping[str, Any]) -> bool:
    """Whether a state dict is of this network of ARCHITECTURES: exactly its names and shapes."""
    part = ARCHITECTURES[own_id].part
    return _shapes({name: tensor for name, tensor in state.items() if name.startswith(part)}) == _expected(own_id)


def _shapes(state: Mapping[str, Any]) -> Mapping[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def _network(own_id: str) -> nn.Module:
    """With any weights."""
    from clarity_desktop.backend.nets.library import NETWORKS

    return NETWORKS[own_id]()


@cache
def _expected(own_id: str) -> Mapping[str, tuple[int, ...]]:
    import torch

    with torch.device("meta"):
        return _shapes(_network(own_id).state_dict())
