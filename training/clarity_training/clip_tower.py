"""A pretrained CLIP as the detector, built by open_clip, with weights from a file. Nothing is downloaded.

It has the input and outputs of nets.detector.Detector. The whole photo and its quarters go through the same image
tower, each resized to the tower's input size; their embeddings are averaged. A degradation's logit compares its prompts
with those of “normal”. Without fine-tuning this is CLIP's zero-shot classifier; train/clip.py fine-tunes the image
tower.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as load_bytes
from safetensors.torch import load_file
from torch import Tensor, nn

from clarity_desktop.backend import weights
from clarity_desktop.backend.library_shims import torchvision_ready
from clarity_desktop.backend.weights.formats import FORMATS
from clarity_desktop.messages import UserError
from clarity_desktop.values import CLASSES, DEGRADATIONS
from clarity_training.prompts import all_sentences, tokenize


class ClipTower(nn.Module):
    """CLIP's image tower with the embeddings of the prompts (15×P×D) and trainable scales.

    N×3×H×W float RGB in 0..1; the outputs are those of nets.detector.Detector, except that "map" is N×13×2×2: a cell
    for each quarter of the photo.
    """

    prompts: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, name: str, visual: nn.Module, size: int, prompts: Tensor, log_scale: float) -> None:
        super().__init__()
        self.name, self.visual, self.size = name, visual, size
        self.register_buffer("prompts", F.normalize(prompts.float(), dim=-1))
        # The statistics that CLIP's inputs are normalized with (Radford et al., 2021).
        self.register_buffer("mean", torch.tensor((0.48145466, 0.4578275, 0.40821073))[:, None, None])
        self.register_buffer("deviation", torch.tensor((0.26862954, 0.26130258, 0.27577711))[:, None, None])
        self.temperature = nn.Parameter(torch.tensor(log_scale))
        self.each_scale = nn.Parameter(torch.tensor(log_scale))
        self.each_bias = nn.Parameter(torch.zeros(len(DEGRADATIONS)))
        self.severity = nn.Linear(prompts.shape[-1], len(DEGRADATIONS))
        self.quality = nn.Linear(prompts.shape[-1], 1)
        for head in (self.severity, self.quality):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def random_prompts(self) -> Tensor:
        """15×D: the embedding of one random prompt of each class. float32."""
        chosen = torch.randint(self.prompts.shape[1], (len(CLASSES),), device=self.prompts.device)
        return self.prompts[torch.arange(len(CLASSES), device=self.prompts.device), chosen]

    def forward(self, photo: Tensor, prompts: Tensor | None = None) -> dict[str, Tensor]:
        """Logits by name. prompts: 15×D, random ones in training; None: the mean over all of each class.

        photo: N×3×H×W float32.
        """
        rows, columns = photo.shape[-2] // 2, photo.shape[-1] // 2
        quarters = photo[..., : 2 * rows, : 2 * columns].unflatten(3, (2, columns)).unflatten(2, (2, rows))
        parts = quarters.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)
        near = self._embed(parts).unflatten(0, (len(photo), 4))
        image = F.normalize(self._embed(photo) + near.mean(1), dim=-1)
        texts = F.normalize(self.prompts.mean(1) if prompts is None else prompts, dim=-1)
        return {
            "classes": self.temperature.exp().clamp(max=100) * image @ texts.T,
            "found": self._degradation_logits(image, texts),
            "severity": self.severity(image),
            "quality": self.quality(image),
            "map": self._degradation_logits(near, texts).transpose(1, 2).unflatten(2, (2, 2)),
        }

    def look(self, photo: Tensor) -> dict[str, Tensor]:
        """Logits by name of whole photos (N×3×H×W float32): the same."""
        return self(photo)

    def _degradation_logits(self, image: Tensor, texts: Tensor) -> Tensor:
        return self.each_scale.exp().clamp(max=100) * image @ (texts[1:-1] - texts[:1]).T + self.each_bias

    def _embed(self, rgb: Tensor) -> Tensor:
        resized = F.interpolate(rgb, (self.size, self.size), mode="bicubic", antialias=True).clamp(0, 1)
        return F.normalize(self.visual((resized - self.mean) / self.deviation).float(), dim=-1)


def zero_shot(name: str, source: str | None) -> ClipTower:
    """A CLIP without fine-tuning. source: the file with its weights, or a model id of the catalog.

    Raises UserError where open_clip does not have the model or would need files from a hub, and where the weights are
    missing or do not fit; ModelMissing where the catalog's model is not on this machine.
    """
    model = _create(name)
    path = _locate(name, source)
    try:
        model.load_state_dict(_read_state(path))
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        raise UserError(f"No weights of {name} in “{path}” ({str(error).splitlines()[0]}).") from error
    return from_model(name, model.eval())


def from_model(name: str, model: Any) -> ClipTower:
    """The detector made of an open_clip model; its text tower is used once, to embed the prompts."""
    texts = tokenize(all_sentences(), model.context_length)
    with torch.no_grad():
        embeddings = model.encode_text(texts)
        log_scale = float(model.logit_scale.reshape(()))
    prompts = embeddings.reshape(len(CLASSES), -1, embeddings.shape[-1])
    return ClipTower(name, model.visual, _input_size(model), prompts, log_scale).eval()


def _input_size(model: Any) -> int:
    size = model.visual.image_size
    return int(size if isinstance(size, int) else size[0])


def load(path: Path) -> ClipTower:
    """A fine-tuned CLIP as written by `clarity train clip`. Raises UserError for any other file."""
    try:
        with safe_open(path, "pt") as file:
            name = (file.metadata() or {}).get("clip", "")
        state = {k: v.float() for k, v in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise UserError(f"“{path}” could not be read as a fine-tuned CLIP ({error}).") from error
    prompts = state.get("prompts")
    if not name or prompts is None or prompts.dim() != 3 or len(prompts) != len(CLASSES) or not prompts.numel():
        raise UserError(f"“{path}” is not a fine-tuned CLIP. Choose a file that `clarity train clip` wrote.")
    model = _create(str(name))
    net = ClipTower(str(name), model.visual, _input_size(model), prompts, 0.0)
    try:
        net.load_state_dict(state)
        _check_widths(net)
    except RuntimeError as error:
        raise UserError(f"“{path}” does not fit {name} ({str(error).splitlines()[0]}).") from error
    return net.eval()


def _check_widths(net: ClipTower) -> None:
    """Run the network once. Raises RuntimeError where the prompts' embeddings are not as wide as the tower's."""
    with torch.inference_mode():
        net.eval()(torch.zeros(1, 3, 2 * net.size, 2 * net.size))


def _create(name: str) -> Any:
    """The open_clip model without weights, for models that open_clip builds without downloads."""
    torchvision_ready()
    import open_clip

    if name not in open_clip.list_models():
        raise UserError(f"open_clip has no model “{name}”. ViT-B-32 is one of those it has.")
    text_config: dict[str, Any] = (open_clip.get_model_config(name) or {}).get("text_cfg", {})
    if any(key.startswith("hf_") for key in text_config):
        raise UserError(f"The tokenizer of {name} is not part of open_clip and would be downloaded. Use e.g. ViT-B-32.")
    return open_clip.create_model(name, load_weights=False, pretrained_image=False, pretrained_text=False)


def _locate(name: str, source: str | None) -> Path:
    if source is None:
        raise UserError(f"Weights of {name} are not downloaded. Specify a file with them or a model id of the catalog.")
    path = Path(source)
    return path if path.suffix or path.exists() else weights.default_store().need((source,))[source]


def _read_state(path: Path) -> dict[str, Tensor]:
    """A state dictionary, read by the product's reader: open_clip's own loader may unpickle anything."""
    kind = "safetensors" if path.suffix == ".safetensors" else "torch"
    return {k.removeprefix("module."): v for k, v in load_bytes(FORMATS[kind].read([path])).items()}
