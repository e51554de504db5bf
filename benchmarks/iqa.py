"""The four no-reference scores of a 12-megapixel photo, and the time of pyiqa for those that it implements, in one run.

    python -m benchmarks.iqa [rounds of pyiqa]

Ours: best of 5. pyiqa needs about 80 s a round and 6 GB, so it runs once unless more is asked for; where it is absent,
it is left out. Beside them the best of 5 of a fixed matrix product, for comparing machines.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from clarity_desktop.backend.iqa import brisque, niqe, piqe
from clarity_desktop.backend.iqa.assess import assess
from clarity_desktop.backend.iqa.parameters import default_parameters
from clarity_desktop.backend.iqa.statistics import gray, in_parallel, strip, strips

WIDTH, HEIGHT = 4000, 3000
Photo = np.ndarray[Any, np.dtype[np.uint8]]


def scene() -> Photo:
    """A photo with the spectrum of natural ones and a little noise."""
    rng = np.random.default_rng(0)
    fy, fx = np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)[None]
    amplitude = 1 / np.maximum(np.hypot(fy, fx), 1 / WIDTH) ** 1.1
    plane = np.fft.irfft2(amplitude * np.exp(2j * np.pi * rng.random(amplitude.shape)), (HEIGHT, WIDTH))
    colors = (
        128 + 45 * plane[..., None] / plane.std() * np.array([1.0, 0.9, 0.8]) + rng.normal(0, 2, (HEIGHT, WIDTH, 1))
    )
    return np.clip(colors, 0, 255).astype(np.uint8)


def rest() -> None:
    """No checkpoint."""


def alone(pixels: Photo) -> dict[str, Callable[[], float]]:
    """Each metric by itself, from RGB to its score."""

    def by_strips(work: Callable[[Any], Any]) -> list[Any]:
        luma = gray(pixels)
        return in_parallel(lambda k: work(strip(luma, k)), strips(luma.shape[0]), rest)

    def of_niqe() -> float:
        rows = by_strips(lambda part: niqe.strip_features(part, niqe.whole_blocks(part.luma)))
        return niqe.score(np.concatenate(rows), default_parameters().niqe()[0])

    def of_brisque() -> float:
        return brisque.score(brisque.features(by_strips(brisque.strip_sums)), default_parameters().brisque()[0])

    def of_piqe() -> float:
        whole = piqe.pad_to_blocks(gray(pixels))
        return piqe.score(by_strips(lambda part: piqe.strip_distortion(part, whole)))

    return {"niqe": of_niqe, "brisque": of_brisque, "piqe": of_piqe}


def pyiqas(pixels: Photo, folder: Path) -> dict[str, Callable[[], float]]:
    """The metrics of pyiqa with the parameters used here; empty without pyiqa."""
    import torch
    from scipy.io import savemat

    from clarity_desktop.backend import library_shims

    try:
        library_shims.torchvision_ready()
        import pyiqa
    except ImportError:
        return {}
    pristine, _ = default_parameters().niqe()
    regression, _ = default_parameters().brisque()
    savemat(folder / "niqe.mat", {"mu_prisparam": pristine.mean[None], "cov_prisparam": pristine.covariance})
    machine = (torch.from_numpy(regression.coefficients), torch.from_numpy(regression.vectors))
    torch.save(tuple(part.float() for part in machine), folder / "brisque.pth")
    options: dict[str, dict[str, str]] = {
        "niqe": {"pretrained_model_path": str(folder / "niqe.mat")},
        "brisque": {"pretrained_model_path": str(folder / "brisque.pth")},
        "piqe": {},
    }
    batch = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    made = {name: pyiqa.create_metric(name, device=torch.device("cpu"), **kw) for name, kw in options.items()}
    return {name: partial(lambda metric: float(metric(batch)), metric) for name, metric in made.items()}


def best(work: Callable[[], Any], rounds: int) -> tuple[float, float, Any]:
    """Minimum wall and CPU seconds over some rounds, and the last result."""
    seconds, processor, result = [], [], None
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        seconds.append(time.perf_counter() - wall)
        processor.append(time.process_time() - cpu)
    return min(seconds), min(processor), result


def main(rounds: int) -> None:
    """Print a line for the calibration, one for all four, and one for each metric of pyiqa."""
    square = np.random.default_rng(0).random((2048, 2048), np.float32)
    print(f"calibration: a 2048² float32 matrix product in {best(lambda: square @ square, 5)[0]:.3f} s")
    pixels = scene()
    seconds, processor, quality = best(partial(assess, pixels), 5)
    scores = ", ".join(f"{m.upper()} {getattr(quality, m):.3f}" for m in ("sseq", "niqe", "brisque", "piqe"))
    print(f"all four of {WIDTH} × {HEIGHT}: {seconds:.2f} s ({processor:.2f} processor seconds; bar 2 s): {scores}")
    with tempfile.TemporaryDirectory() as folder:
        others = pyiqas(pixels, Path(folder))
        total = 0.0
        for name, own in alone(pixels).items():
            mine, busy, score = best(own, 5)
            line = f"{name} alone: {mine:.2f} s ({busy:.2f} processor seconds), score {score:.3f}"
            if name in others:
                theirs, theirs_busy, score = best(others[name], rounds)
                total += theirs
                line += f"; pyiqa {theirs:.1f} s ({theirs_busy:.1f}), score {score:.3f}; ratio 1/{theirs / mine:.1f}"
            print(line, flush=True)
    if total:
        print(f"pyiqa's three together: {total:.1f} s; our four: 1/{total / seconds:.0f} of that (bar for each: 1/10)")


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of pyiqa's libraries
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
