"""Methods from weights files that the user imported.

Most networks take a photo of any size. Networks for one face, and some that fill holes, take squares of one size: for
these, a square around each selected part is cut out, scaled, and put back where it is selected.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.methods.method import Checkpoint, ComputeTarget, Method, Run
from clarity_desktop.values import Mask, OwnModel, Task, Tile

SQUARE = 512
"""Side in pixels of the squares that published networks take."""
AROUND = 512
"""Overlap of a network for squares: half of it is what such a network may see around a selected part."""
FACE, HOLE = 1.9, 3.0
"""Sides of the square around a selected face and around a hole, as multiples of the longer side of the part."""
ABOVE = 0.085
"""By which the middle of the square lies above the middle of a face, as a share of its side: of the aligned photos of
faces (FFHQ) that such networks learned from."""
SOFT = 0.06
"""Width of the rim within a selected face over which it blends into the photo, as a share of the side of the square."""


def method(own: OwnModel) -> Method:
    """The method of an imported model."""
    of_squares = own.tiling == "no" and own.needs_mask
    return Method(
        id=own.id,
        title=own.title,
        tasks=own.tasks,
        architecture=own.architecture,
        licence=own.licence,
        paper="not stated",
        trained_on="not stated",
        weights=(own.id,),
        load=load,
        scale=own.scale,
        multiple_of=own.multiple_of,
        overlap=AROUND if of_squares else 32,
        tile=384 if own.tiling == "yes" else 0,
        tiling=own.tiling,
        needs_mask=own.needs_mask,
        # Not known before it runs; above the published networks that were measured.
        memory=100 if of_squares else 6000 * own.scale,
        base=200_000_000 + 4 * own.size + (6000 * SQUARE**2 if of_squares else 0),
        speed=own.speed,
    )


def load(weights: Mapping[str, Path], target: ComputeTarget, _task: Task) -> Run:
    """Load the network of the one file in weights. Raises UserError for one that is no longer recognized."""
    import torch
    from safetensors.torch import load_file

    from clarity_desktop.backend.weights import recognize

    [path] = weights.values()
    network = recognize.build(load_file(path), path.name).to(torch.device(target.device))
    side = recognize.square_side(network)
    return _Loaded(network) if side is None else Squares(_Loaded(network), side, recognize.is_for_faces(network))


class _Loaded:
    """A network of spandrel as a Run. Its layers ask for cancellation, because one call may take minutes."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._job: Checkpoint | None = None
        for layer in network.model.modules():
            layer.register_forward_pre_hook(self._check)

    def __call__(self, tile: Tile, mask: Mask | None, job: Checkpoint) -> Tile:
        import torch

        from clarity_desktop.backend.weights import recognize

        self._job = job
        try:
            with torch.inference_mode():
                # H×W×3 to 1×3×H×W, or one picture for each channel of a network for gray.
                rgb = torch.from_numpy(np.array(tile)).permute(2, 0, 1).to(self._network.device)
                images = rgb[None].split(self._network.input_channels, dim=1)
                fill: tuple[Any, ...] = ()
                if mask is not None:
                    fill = (torch.from_numpy((mask > 0).astype(np.float32))[None, None].to(self._network.device),)
                result = torch.cat([recognize.call(self._network, image, *fill) for image in images], dim=1)
            return result[0].permute(1, 2, 0).float().cpu().numpy()
        finally:
            self._job = None

    def _check(self, *_: object) -> None:
        if self._job is not None:
            self._job.checkpoint()


class Squares:
    """A network for squares of `side` pixels as a Run: each connected part of the mask is a face or a hole."""

    def __init__(self, run: Run, side: int, faces: bool) -> None:
        self._run, self._side, self._faces = run, side, faces

    def __call__(self, tile: Tile, mask: Mask | None, job: Checkpoint) -> Tile:
        import cv2

        assert mask is not None, "these methods need a mask"
        _, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8))
        done = np.array(tile)
        for k in range(1, len(stats)):
            job.checkpoint()
            x, y, width, height = (int(stats[k, column]) for column in range(4))
            extent = round(max(width, height) * (FACE if self._faces else HOLE))
            up = round(ABOVE * extent) if self._faces else 0
            at = x + (width - extent) // 2, y + (height - extent) // 2 - up
            # Of other holes nothing may be seen; other faces are part of the photo.
            holes = np.asarray(labels == k if self._faces else mask > 0, np.uint8)
            part, where = self._cut(done, at, extent, "reflect"), self._cut(holes, at, extent, "constant")
            result = self._run(part, None if self._faces else where * np.uint8(255), job)
            self._put(done, result, np.asarray(labels == k, np.float32), at, extent)
        return done

    def _cut(self, plane: NDArray[Any], at: tuple[int, int], extent: int, how: Literal["reflect", "constant"]) -> Any:
        """The square of that extent at x, y of a plane (H×W or H×W×3), as side×side; continued beyond its edges."""
        import cv2

        (left, top), (height, width) = at, plane.shape[:2]
        room = (max(0, -top), max(0, top + extent - height)), (max(0, -left), max(0, left + extent - width))
        widths = (*room, (0, 0))[: plane.ndim]
        larger = np.pad(plane, widths, "symmetric") if how == "reflect" else np.pad(plane, widths)
        top, left = top + room[0][0], left + room[1][0]
        part = larger[top : top + extent, left : left + extent]
        if plane.ndim == 2:
            return cv2.resize(part, (self._side, self._side), interpolation=cv2.INTER_NEAREST)
        way = cv2.INTER_AREA if extent > self._side else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(part, (self._side, self._side), interpolation=way)).clip(0, 1)

    def _put(self, done: Tile, result: Tile, part: NDArray[np.float32], at: tuple[int, int], extent: int) -> None:
        """Put the square back where the part (H×W float32, 0 or 1) is."""
        import cv2

        scaled = np.asarray(cv2.resize(result, (extent, extent), interpolation=cv2.INTER_CUBIC), np.float32)
        (left, top), (height, width) = at, done.shape[:2]
        y, x = slice(max(0, top), min(height, top + extent)), slice(max(0, left), min(width, left + extent))
        inside = scaled[y.start - top : y.stop - top, x.start - left : x.stop - left]
        share = part[y, x]
        if self._faces:
            inwards = cv2.distanceTransform((part > 0).astype(np.uint8), cv2.DIST_L2, 3)[y, x]
            share = np.minimum(inwards / np.float32(max(1.0, SOFT * extent)), 1)
        done[y, x] += share[..., None] * (inside - done[y, x])
