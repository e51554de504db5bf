"""Methods that are not the program's own, from packages and imported files: what they do wrong becomes a sentence."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from clarity_desktop.backend.methods.method import Checkpoint, ContextAware, Method, Run
from clarity_desktop.backend.restore.run import is_out_of_memory
from clarity_desktop.errors import UserError
from clarity_desktop.values import Mask, Tile

log = logging.getLogger(__name__)


def guarded(method: Method, run: Run) -> Run:
    """A run that raises UserErrors, also for results of another form than a Run's. Lack of memory stays what it is."""
    return _GuardedContextAware(method, run) if isinstance(run, ContextAware) else _Guarded(method, run)


@contextmanager
def failures_of(method: Method) -> Generator[None]:
    """Raise a UserError for what a method raises inside."""
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as e:  # code of others may raise anything
        if is_out_of_memory(e):
            raise
        log.exception("The method %s failed.", method.id)
        raise UserError("restore.foreign_failed", method=method.title, detail=str(e) or type(e).__name__) from e


@dataclass(frozen=True, slots=True, eq=False)
class _Guarded:
    method: Method
    run: Run

    def __call__(self, tile: Tile, mask: Mask | None, job: Checkpoint) -> Tile:
        with failures_of(self.method):
            result: Any = self.run(tile, mask, job)
        height, width, colors = tile.shape
        wanted = self.method.scale * height, self.method.scale * width, colors
        if isinstance(result, np.ndarray) and result.shape == wanted and result.dtype.kind == "f":
            return result
        form = f"{result.dtype} {result.shape}" if isinstance(result, np.ndarray) else type(result).__name__
        raise UserError("restore.foreign_result", method=self.method.title, form=form, wanted=f"float32 {wanted}")


class _GuardedContextAware(_Guarded):
    __slots__ = ()

    def for_photo(self, overview: Tile, mask: Mask | None, job: Checkpoint) -> Run:
        """The guarded run for the tiles of one photo. overview: float32 H×W×3, 0..1. Raises UserError, JobCancelled."""
        assert isinstance(self.run, ContextAware)
        with failures_of(self.method):
            run = self.run.for_photo(overview, mask, job)
        return guarded(self.method, run)
