"""What an engine is that finds an object from clicks and boxes: an embedding of the photo once, then masks at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Click, Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """What an engine computed once of a photo of width × height pixels, to be kept with its version.

    engine: id and digest of the engine that made it; no other can use it. arrays: named, of any shape; float16 or
    integers where they are kept in a document. costly: worth being kept there, because computing it again takes long.
    """

    engine: str
    width: int
    height: int
    arrays: Mapping[str, NDArray[Any]]
    costly: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """What the user pointed at, in pixels of the oriented photo.

    hint: that of the mask which the clicks correct; the engine that gave it knows what it means.
    """

    clicks: tuple[Click, ...] = ()
    box: Bounds | None = None
    hint: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MaskCandidate:
    """One mask that may be meant.

    logits: h×w float32 over the whole photo, positive where it is selected. score: 0..1, how sure the engine is. hint:
    for the next prompt, float32 of any shape.
    """

    logits: NDArray[np.float32]
    score: float
    hint: NDArray[np.float32] | None = field(default=None, repr=False)


class Engine(Protocol):
    """Finds objects from clicks and boxes."""

    @property
    def id(self) -> str:
        """The name on the command line and in the catalog."""
        ...

    @property
    def title(self) -> str:
        """The name for people."""
        ...

    def is_ready(self) -> bool:
        """Whether it can be used without a download."""
        ...

    def digest(self) -> str:
        """Id and weights: what an embedding must have been made by."""
        ...

    def embed(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> Embedding:
        """Look at H×W×3 RGB (uint8 or uint16). Raises ModelMissing, UserError, and what checkpoint raises."""
        ...

    def masks(self, embedding: Embedding, prompt: Prompt, /) -> tuple[MaskCandidate, ...]:
        """The masks that may be meant, at least one, the best first. Raises ModelMissing, UserError."""
        ...


def check(prompt: Prompt, width: int, height: int) -> None:
    """Raise UserError for positions outside the photo, and for a prompt without any."""
    if not prompt.clicks and prompt.box is None:
        raise UserError("regions.no_prompt")
    for click in prompt.clicks:
        if not (0 <= click.x < width and 0 <= click.y < height):
            raise UserError("regions.click_outside", x=f"{click.x:g}", y=f"{click.y:g}", width=width, height=height)
    b = prompt.box
    if b is not None and (min(b.width, b.height) <= 0 or b.x < 0 or b.y < 0 or b.right > width or b.bottom > height):
        raise UserError("regions.box_outside", width=width, height=height)


def is_usable(embedding: Embedding, engine: Engine, width: int, height: int) -> bool:
    """Whether an embedding, which may come from a file, is this engine's of a photo of width × height pixels."""
    return (embedding.engine, embedding.width, embedding.height) == (engine.digest(), width, height) and all(
        bool(np.isfinite(values).all()) for values in embedding.arrays.values() if values.dtype.kind == "f"
    )
