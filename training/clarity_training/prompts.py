"""Prompts of the 15 classes, and the text tower that embeds them: they make the detector a CLIP classifier."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
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
CONTEXT = 20
"""Tokens of a prompt, with start, end and padding."""


def sentences(name: str) -> list[str]:
    """All 15 prompts of a class."""
    return [template.format(words) for words in WORDS[name] for template in TEMPLATES]


def all_sentences() -> list[str]:
    """The prompts of all classes, in the order of CLASSES."""
    return [sentence for name in CLASSES for sentence in sentences(name)]


def tokenize(texts: list[str], context: int = CONTEXT) -> Tensor:
    """CLIP's token ids of N texts: N×context, int64. The vocabulary is part of open_clip; nothing is downloaded."""
    torchvision_ready()
    import open_clip

    return open_clip.SimpleTokenizer(context_length=context)(texts)


class TextTower(nn.Module):
    """A small transformer over CLIP's tokens, built by open_clip and trained together with the image tower."""

    vocabulary: Tensor
    prompt_tokens: Tensor

    def __init__(self) -> None:
        super().__init__()
        torchvision_ready()
        from open_clip.transformer import TextTransformer

        token_ids = tokenize(all_sentences())
        # Only the tokens that occur in a prompt are embedded: a hundredth of the vocabulary.
        vocabulary = token_ids.unique()
        indices = torch.searchsorted(vocabulary, token_ids).reshape(len(CLASSES), -1, CONTEXT)
        self.register_buffer("vocabulary", vocabulary)
        self.register_buffer("prompt_tokens", indices)
        self.net: Any = TextTransformer(
            CONTEXT, len(vocabulary), width=128, heads=4, layers=2, output_dim=EMBEDDING, pad_id=0
        )

    def random_prompts(self) -> Tensor:
        """15×EMBEDDING: the embedding of one random prompt of each class. float32."""
        chosen = torch.randint(self.prompt_tokens.shape[1], (len(CLASSES),))
        return self.net(self.prompt_tokens[torch.arange(len(CLASSES)), chosen])

    def mean_prompts(self) -> Tensor:
        """15×EMBEDDING: the mean over all prompts of each class, as in CLIP's zero-shot classifier. float32."""
        return self._normalized().reshape(len(CLASSES), -1, EMBEDDING).mean(1)

    def fit(self, embeddings: Tensor, steps: int) -> None:
        """Train every prompt of a class towards its embedding (15×EMBEDDING, norm 1).

        The bundled weights hold these embeddings, but not the text tower that made them.

        embeddings: float32.
        """
        optimizer = torch.optim.Adam(self.net.parameters(), 1e-3)
        targets = embeddings.repeat_interleave(self.prompt_tokens.shape[1], 0)
        for _ in range(steps):
            loss = (1 - (self._normalized() * targets).sum(1)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def _normalized(self) -> Tensor:
        """Embeddings of all prompts, norm 1: 225×EMBEDDING."""
        return F.normalize(self.net(self.prompt_tokens.flatten(0, 1)), dim=-1)
