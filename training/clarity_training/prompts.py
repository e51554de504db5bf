"""The 15 classes in words, and how words become embeddings: what makes the detector a CLIP."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from clarity_desktop.backend.library_shims import torchvision_ready
from clarity_desktop.backend.nets.detector import EMBEDDING
from clarity_desktop.values import CLASSES

WORDS: dict[str, tuple[str, ...]] = {
    "normal": ("nothing wrong with it", "clean and sharp details", "good quality"),
    "rain streak": ("rain streaks", "falling rain", "streaks of rain"),
    "raindrop": ("raindrops on the lens", "drops of water on the glass", "water drops"),
    "snow": ("falling snow", "snowflakes in the air", "snow"),
    "haze": ("haze", "fog", "mist in the distance"),
    "blur": ("blur", "motion blur", "an unsharp, out of focus look"),
    "inpaint": ("missing pixels", "scratches and holes", "masked out parts"),
    "low-light": ("low light", "a dark, underexposed look", "too little light"),
    "overexposure": ("overexposure", "burnt out highlights", "too much light"),
    "flare": ("lens flare", "glare of a lamp", "ghosts of a light source"),
    "shadow": ("a cast shadow", "a dark shadow over a part", "shadows"),
    "watermark": ("a watermark", "text laid over it", "a logo laid over it"),
    "noise": ("noise", "grain", "noisy pixels"),
    "JPEG": ("JPEG compression", "blocks of compression", "compression artefacts"),
    "blend": ("several degradations at once", "two or more kinds of damage", "mixed damage"),
}
TEMPLATES = ("a photo with {}.", "a picture with {}.", "an image degraded by {}.", "{}.", "a bad photo because of {}.")
CONTEXT = 20  # tokens


def sentences(name: str) -> list[str]:
    """Every prompt of a class."""
    return [template.format(words) for words in WORDS[name] for template in TEMPLATES]


def tokens(texts: list[str], context: int = CONTEXT) -> Tensor:
    """Texts as CLIP's own tokens, N×context. Its vocabulary comes with open_clip, nothing is fetched."""
    torchvision_ready()
    import open_clip

    return open_clip.SimpleTokenizer(context_length=context)(texts)


class Text(nn.Module):
    """A small transformer over CLIP's tokens, as open_clip builds them; trained with the image tower."""

    known: Tensor
    all: Tensor

    def __init__(self) -> None:
        super().__init__()
        torchvision_ready()
        from open_clip.transformer import TextTransformer

        every = tokens([s for name in CLASSES for s in sentences(name)])
        self.register_buffer("known", every.unique())  # only what the prompts use: a hundredth of the vocabulary
        self.register_buffer("all", torch.searchsorted(self.known, every).reshape(len(CLASSES), -1, CONTEXT))
        self.net: Any = TextTransformer(
            CONTEXT, len(self.known), width=128, heads=4, layers=2, output_dim=EMBEDDING, pad_id=0
        )  # fmt: skip

    def drawn(self) -> Tensor:
        """15×EMBEDDING: one prompt of each class, by chance."""
        pick = torch.randint(self.all.shape[1], (len(CLASSES),))
        return self.net(self.all[torch.arange(len(CLASSES)), pick])

    def learn(self, prompts: Tensor, steps: int = 400) -> None:
        """Say of each class what the prompts (15×EMBEDDING, of length 1) say: weights that are shipped hold only
        these."""
        optimiser = torch.optim.Adam(self.net.parameters(), 1e-3)
        want = prompts.repeat_interleave(self.all.shape[1], 0)
        for _ in range(steps):
            said = nn.functional.normalize(self.net(self.all.flatten(0, 1)), dim=-1)
            loss = (1 - (said * want).sum(1)).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    def mean(self) -> Tensor:
        """15×EMBEDDING: the mean of all prompts of each class, as in CLIP's own zero-shot tests."""
        embedded = nn.functional.normalize(self.net(self.all.flatten(0, 1)), dim=-1)
        return embedded.reshape(len(CLASSES), -1, EMBEDDING).mean(1)
