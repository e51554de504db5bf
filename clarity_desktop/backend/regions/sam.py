"""Segment Anything (Kirillov et al., 2023) by the `segment-anything` package, and MobileSAM with our own encoder.

The published checkpoints hold every tensor of the networks that are built here, under the same names: one that lacks a
tensor, or has one of another shape, is refused. MobileSAM's checkpoint also holds the two layers of its classifier,
which are not used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend import library_shims, torch_import
from clarity_desktop.backend.model_cache import ModelCache, ModelKey
from clarity_desktop.backend.regions.engine import Embedding, MaskCandidate, Prompt, check
from clarity_desktop.backend.regions.pauses import Pauses
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.messages import UserError
from clarity_desktop.values import Click, Pixels

if TYPE_CHECKING:
    import torch

SIDE = 1024
"""Of the square that the encoder sees: the photo's longer side has this length, the rest is zero."""
GRID, CHANNELS = 64, 256
"""Rows and columns, and channels, of the embedding."""
MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""Of the training photos, by channel, in 0..255."""
UNUSED = ("image_encoder.norm_head.", "image_encoder.head.")
"""Names in MobileSAM's checkpoint that begin so belong to the classifier."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One published network. builder: its name in the package's registry; None: MobileSAM."""

    id: str
    title: str
    builder: str | None = None


VARIANTS: Mapping[str, Variant] = {
    v.id: v
    for v in (
        Variant("mobile-sam", "MobileSAM"),
        Variant("sam-vit-b", "Segment Anything, ViT-B", "vit_b"),
        Variant("sam-vit-l", "Segment Anything, ViT-L", "vit_l"),
        Variant("sam-vit-h", "Segment Anything, ViT-H", "vit_h"),
    )
}
"""From the quickest to the most precise."""


@dataclass(frozen=True, slots=True)
class SegmentAnything:
    """The engine of one variant. Safe for several threads."""

    variant: Variant
    models: ModelCache
    store: WeightStore
    device: str = "cpu"

    @property
    def id(self) -> str:
        """See Engine.id."""
        return self.variant.id

    @property
    def title(self) -> str:
        """See Engine.title."""
        return self.variant.title

    def is_ready(self) -> bool:
        """See Engine.is_ready."""
        return self.store.is_ready(self.id)

    def digest(self) -> str:
        """See Engine.digest."""
        return f"{self.id} {self.store.digest(self.id)[:16]}"

    def embed(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> Embedding:
        """The embedding of H×W×3 RGB (uint8 or uint16): float16 1×256×64×64; see Engine.embed."""
        net = self._network()
        seen = encoder_input(pixels)
        checkpoint()
        return Embedding(
            self.digest(), pixels.shape[1], pixels.shape[0], {"image": net.embed(seen, checkpoint)}
        )  # fmt: skip

    def masks(self, embedding: Embedding, prompt: Prompt, /) -> tuple[MaskCandidate, ...]:
        """Three candidates, the best first; see Engine.masks."""
        values = embedding.arrays.get("image")
        if values is None or values.shape != (1, CHANNELS, GRID, GRID):
            raise UserError("regions.embedding_form", engine=self.title)
        check(prompt, embedding.width, embedding.height)
        return self._network().decode(values, prompt, (embedding.width, embedding.height))

    def _network(self) -> Network:
        torch_import.import_torch()
        file = self.store.need((self.id,))[self.id]
        key = ModelKey(self.id, self.title, self.device)  # pyright: ignore[reportArgumentType]
        return self.models.get(key, lambda: load(self.variant, file, self.device), file.stat().st_size)


def input_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of a photo in the square that the encoder sees."""
    scale = SIDE / max(width, height)
    return max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5))


def encoder_input(pixels: Pixels) -> NDArray[np.float32]:
    """H×W×3 RGB (uint8 or uint16) as the encoder sees it: 1×3×1024×1024 float32, normalized, the rest zero."""
    height, width = pixels.shape[:2]
    across, down = input_size(width, height)
    method = cv2.INTER_AREA if across < width else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(to_8_bits(pixels), (across, down), interpolation=method), np.float32)
    values = (small - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
    seen = np.zeros((1, 3, SIDE, SIDE), np.float32)
    seen[0, :, :down, :across] = values.transpose(2, 0, 1)
    return seen


def build(variant: Variant) -> Any:
    """The network as published (`segment_anything.modeling.Sam`) with random weights, on torch's default device."""
    library_shims.torchvision_ready()
    from segment_anything import sam_model_registry
    from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    if variant.builder is not None:
        return sam_model_registry[variant.builder]()
    from clarity_desktop.backend.nets.tiny_vit import TinyViT

    prompts = PromptEncoder(
        embed_dim=CHANNELS, image_embedding_size=(GRID, GRID), input_image_size=(SIDE, SIDE), mask_in_chans=16
    )
    transformer = TwoWayTransformer(depth=2, embedding_dim=CHANNELS, mlp_dim=2048, num_heads=8)
    decoder = MaskDecoder(
        num_multimask_outputs=3, transformer=transformer, transformer_dim=CHANNELS, iou_head_depth=3,
        iou_head_hidden_dim=256,
    )  # fmt: skip
    encoder: Any = TinyViT()
    return Sam(encoder, prompts, decoder)


def load(variant: Variant, file: Path, device: str = "cpu") -> Network:
    """The network with the weights of a safetensors file. Raises UserError unless it holds exactly its tensors."""
    import torch
    from safetensors.torch import load_file

    state = {name: values for name, values in load_file(file).items() if not name.startswith(UNUSED)}
    # Without memory of their own: the tensors of the file take their place. Our own encoder is small and computes
    # a buffer that no file holds.
    with torch.device("meta" if variant.builder else "cpu"):
        net = build(variant)
    _check_names(variant, {name: tuple(values.shape) for name, values in net.state_dict().items()}, state)
    net.load_state_dict({name: v.float() if v.is_floating_point() else v for name, v in state.items()}, assign=True)
    for name, values in (("pixel_mean", MEAN), ("pixel_std", DEVIATION)):
        net.register_buffer(name, torch.tensor(values), persistent=False)
    # The decoder's transposed convolutions take two thirds of the time in this layout.
    net.mask_decoder.output_upscaling.to(memory_format=torch.channels_last)
    return Network(net.to(device).eval().requires_grad_(False))


def _check_names(variant: Variant, wanted: Mapping[str, tuple[int, ...]], state: Mapping[str, torch.Tensor]) -> None:
    missing = [name for name in wanted if name not in state]
    unknown = [name for name in state if name not in wanted]
    other = [name for name in wanted if name in state and tuple(state[name].shape) != wanted[name]]
    if missing or unknown or other:
        raise UserError(
            "regions.checkpoint", title=variant.title, model=variant.id, tensor=(missing or other or unknown)[0]
        )  # fmt: skip


class Network:
    """A loaded network: encoder for photos, decoder for clicks. Safe for several threads."""

    def __init__(self, net: Any) -> None:
        """net: as `build` makes it, with weights."""
        self._net = net
        self._device: Any = next(net.parameters()).device
        self._pauses = Pauses(net.image_encoder)

    def embed(self, seen: NDArray[np.float32], checkpoint: Callable[[], None]) -> NDArray[np.float16]:
        """1×256×64×64 float16 of an encoder input (1×3×1024×1024 float32). Raises what checkpoint raises."""
        import torch

        with torch.inference_mode(), self._pauses.calling(checkpoint):
            values = self._net.image_encoder(torch.from_numpy(seen).to(self._device))
        return values.to(torch.float16).cpu().numpy()

    def decode(
        self, embedding: NDArray[np.float16], prompt: Prompt, size: tuple[int, int]
    ) -> tuple[MaskCandidate, ...]:
        """Three candidates, the best first. embedding: 1×256×64×64 float16; size: width and height of the photo.

        The best for one click is the one that the network thinks most of; for more the one that it makes for them.
        """
        import torch

        net = self._net
        across, down = input_size(*size)
        scale = across / size[0], down / size[1]
        with torch.inference_mode():
            # A copy: one from a file is read-only.
            image = torch.from_numpy(np.array(embedding)).to(self._device, torch.float32)
            sparse, dense = net.prompt_encoder(
                points=_points(prompt.clicks, scale, self._device),
                boxes=_box(prompt, scale, self._device),
                masks=_hint(prompt, self._device),
            )
            # One mask for prompts that leave nothing open, and three for those that do.
            low, scores = net.mask_decoder.predict_masks(
                image_embeddings=image,
                image_pe=net.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
            )
            hints: NDArray[np.float32] = low[0].float().cpu().numpy()
            order = [1 + k for k in scores[0, 1:].argsort(descending=True).tolist()]
        if len(prompt.clicks) + 2 * (prompt.box is not None) > 1:
            order = [0, *order[:2]]
        # OpenCV takes a tenth of torch's time for the same.
        full = [cv2.resize(hint, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) for hint in hints]
        logits = [np.asarray(values[:down, :across], np.float32) for values in full]
        return tuple(MaskCandidate(logits[k], float(scores[0, k].clamp(0, 1)), hints[k]) for k in order)


def _points(clicks: Sequence[Click], scale: tuple[float, float], device: Any) -> tuple[Any, Any] | None:
    """Positions 1×N×2 and labels 1×N of clicks (1: inside, 0: outside)."""
    import torch

    if not clicks:
        return None
    places = [[(c.x - 0.5) * scale[0], (c.y - 0.5) * scale[1]] for c in clicks]  # the package adds half a pixel
    labels = [1 if c.inside else 0 for c in clicks]
    return torch.tensor([places], device=device), torch.tensor([labels], device=device)


def _box(prompt: Prompt, scale: tuple[float, float], device: Any) -> Any:
    """The corners of the box, 1×4."""
    import torch

    if (b := prompt.box) is None:
        return None
    (x, y), (right, bottom) = ((a * scale[0], c * scale[1]) for a, c in ((b.x, b.y), (b.right, b.bottom)))
    return torch.tensor([[x, y, right, bottom]], device=device, dtype=torch.float32)


def _hint(prompt: Prompt, device: Any) -> Any:
    """The mask that is corrected, 1×1×256×256."""
    import torch

    if prompt.hint is None or prompt.hint.shape != (4 * GRID, 4 * GRID):
        return None
    return torch.from_numpy(np.ascontiguousarray(prompt.hint, np.float32)).to(device)[None, None]
