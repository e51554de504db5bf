"""The error for a file that does not hold the weights that a trainer or benchmark expects in it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from clarity_desktop.messages import UserError


@contextmanager
def as_user_error(model: str, *files: Path) -> Generator[None]:
    """Turn an error while loading the weights of `model` from the files into a UserError that names them."""
    try:
        yield
    except (OSError, SafetensorError, RuntimeError, LookupError) as error:
        names = ", ".join(f"“{path}”" for path in files)
        raise UserError(f"No weights of {model} in {names} ({str(error).splitlines()[0]}).") from error
