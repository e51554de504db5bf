"""A pretrained CLIP as the detector, through open_clip: by its name there, with weights from a file. Never fetched.

It answers as nets.detector.Detector does. Overview and crops go through the same image tower, each at the size that
the tower wants; their embeddings are averaged. A degradation's probability compares its prompts with those of
“normal”. Without tuning this is CLIP's zero-shot answer; training/train_clip.py tunes the image tower.
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
from clarity_training.prompts import sentences, tokens


class ClipTower(nn.Module):
    """An image tower, its name in open_clip, the embedded prompts (15×P×D) and what is learned on top of both.

    overview N×3×224×224, crops N×K×3×128×128, places N×K×5 and what is returned: as nets.detector.Detector, but
    "heat" is N×(1+K)×13, since an overview has one embedding here.
    """

    every: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, name: str, visual: nn.Module, size: int, every: Tensor, temperature: float) -> None:
        super().__init__()
        self.name, self.visual, self.size = name, visual, size
        self.register_buffer("every", F.normalize(every.float(), dim=-1))
        # CLIP's own means and deviations (Radford et al., 2021).
        self.register_buffer("mean", torch.tensor((0.48145466, 0.4578275, 0.40821073))[:, None, None])
        self.register_buffer("deviation", torch.tensor((0.26862954, 0.26130258, 0.27577711))[:, None, None])
        self.temperature = nn.Parameter(torch.tensor(temperature))  # of the logarithm
        self.each_scale = nn.Parameter(torch.tensor(temperature))
        self.each_bias = nn.Parameter(torch.zeros(len(DEGRADATIONS)))
        self.severity = nn.Linear(every.shape[-1], len(DEGRADATIONS))
        nn.init.zeros_(self.severity.weight)
        nn.init.zeros_(self.severity.bias)

    def drawn(self) -> Tensor:
        """15×D: one prompt of each class, by chance."""
        pick = torch.randint(self.every.shape[1], (len(CLASSES),), device=self.every.device)
        return self.every[torch.arange(len(CLASSES), device=self.every.device), pick]

    def forward(
        self, overview: Tensor, crops: Tensor, places: Tensor, prompts: Tensor | None = None  # noqa: ARG002
    ) -> dict[str, Tensor]:  # fmt: skip
        """prompts 15×D: as drawn in training; else the mean of all of each class. places are not looked at."""
        count, many = crops.shape[:2]
        near = self._embedded(crops.flatten(0, 1)).reshape(count, many, -1)
        all_ = torch.cat((self._embedded(overview)[:, None], near), 1)
        image = F.normalize(all_[:, 0] + all_[:, 1:].mean(1), dim=-1)
        texts = F.normalize(self.every.mean(1) if prompts is None else prompts, dim=-1)
        return {
            "classes": self.temperature.exp().clamp(max=100) * image @ texts.T,
            "found": self._each(image, texts),
            "severity": self.severity(image),
            "heat": self._each(all_, texts),
        }

    def _each(self, image: Tensor, texts: Tensor) -> Tensor:
        return self.each_scale.exp().clamp(max=100) * image @ (texts[1:-1] - texts[:1]).T + self.each_bias

    def _embedded(self, rgb: Tensor) -> Tensor:
        sized = F.interpolate(rgb, (self.size, self.size), mode="bicubic", antialias=True).clamp(0, 1)
        return F.normalize(self.visual((sized - self.mean) / self.deviation).float(), dim=-1)


def zero_shot(name: str, source: str | None) -> ClipTower:
    """An untuned CLIP: open_clip's name, and its weights: a file, or the id of a model in the catalog.

    Raises UserError for a name that open_clip lacks or that needs files from elsewhere, and for weights that are
    absent or another model's; ModelMissing where the catalog's model is not on this machine.
    """
    model = _empty(name)
    path = _found(name, source)
    try:
        model.load_state_dict(_state(path))
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        raise UserError(f"“{path}” holds no weights of {name} ({str(error).splitlines()[0]}).") from error
    return of(name, model.eval())


def of(name: str, model: Any) -> ClipTower:
    """The detector that a model of that name in open_clip makes, its text tower used once for the prompts."""
    texts = tokens([sentence for name in CLASSES for sentence in sentences(name)], model.context_length)
    with torch.no_grad():
        every = model.encode_text(texts).reshape(len(CLASSES), -1, model.encode_text(texts[:1]).shape[-1])
        temperature = float(model.logit_scale.reshape(()))
    return ClipTower(name, model.visual, _size(model), every, temperature).eval()


def _size(model: Any) -> int:
    size = model.visual.image_size
    return int(size if isinstance(size, int) else size[0])


def load(path: Path) -> ClipTower:
    """What train_clip wrote. Raises UserError for any other file."""
    try:
        with safe_open(path, "pt") as file:
            name = (file.metadata() or {}).get("clip", "")
        state = {k: v.float() for k, v in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise UserError(f"“{path}” could not be read as a tuned CLIP ({error}).") from error
    every = state.get("every")
    if not name or every is None or every.dim() != 3 or len(every) != len(CLASSES) or not every.numel():
        raise UserError(f"“{path}” is no tuned CLIP. Name a file that `clarity train clip` wrote.")
    model = _empty(str(name))
    net = ClipTower(str(name), model.visual, _size(model), every, 0.0)
    try:
        net.load_state_dict(state)
        _try(net)
    except RuntimeError as error:
        raise UserError(f"“{path}” does not fit {name} ({str(error).splitlines()[0]}).") from error
    return net.eval()


def _try(net: ClipTower) -> None:
    """One look. Raises RuntimeError where the prompts are not as wide as what the tower says."""
    with torch.inference_mode():
        net.eval()(
            torch.zeros(1, 3, net.size, net.size), torch.zeros(1, 1, 3, net.size, net.size), torch.zeros(1, 1, 5)
        )


def _empty(name: str) -> Any:
    """The model without weights. Only what open_clip builds from its own files: nothing is asked of a hub."""
    torchvision_ready()
    import open_clip

    if name not in open_clip.list_models():
        raise UserError(f"open_clip has no model “{name}”. ViT-B-32 is one that it has.")
    texts: dict[str, Any] = (open_clip.get_model_config(name) or {}).get("text_cfg", {})
    if any(key.startswith("hf_") for key in texts):
        raise UserError(f"{name} reads its words from files that do not come with open_clip. Take ViT-B-32, say.")
    return open_clip.create_model(name, load_weights=False, pretrained_image=False, pretrained_text=False)


def _found(name: str, source: str | None) -> Path:
    if source is None:
        raise UserError(f"Nothing is fetched for {name}: name the file with its weights, or an id of the catalog.")
    path = Path(source)
    return path if path.suffix or path.exists() else weights.default_store().need((source,))[source]


def _state(path: Path) -> dict[str, Tensor]:
    """A state dictionary, read as every weights file is. open_clip's own loader may unpickle anything."""
    kind = "safetensors" if path.suffix == ".safetensors" else "torch"
    return {k.removeprefix("module."): v for k, v in load_bytes(FORMATS[kind].read([path])).items()}
