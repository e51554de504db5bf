"""What a training or a bench says of a file that does not hold the weights it was named for."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from clarity_desktop.messages import UserError


@contextmanager
def others_than(what: str, *files: Path) -> Generator[None]:
    """Raises UserError, which names the files, where reading the weights of `what` from them fails."""
    try:
        yield
    except (OSError, SafetensorError, RuntimeError, LookupError) as error:
        named = ", ".join(f"“{path}”" for path in files)
        raise UserError(f"{named} holds no weights of {what} ({str(error).splitlines()[0]}).") from error
