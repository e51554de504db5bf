"""Speed of MAXIM on this CPU, compared with a matrix product, the published graph and onnxruntime.

    python benchmarks/maxim.py [--size 256] [--stages 2 3] [--threads 2]

Every figure is the best of 5, with all contestants taking turns, so that disturbances affect them equally. Random
weights take as long as trained ones; the published graph is timed if its package is in CLARITY_WEIGHTS.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from clarity_desktop.backend.nets.maxim import Maxim
from clarity_desktop.backend.nets.maxim_cpu import CpuMaxim

GFLOP = {2: 212.0, 3: 332.0}
"""Products and sums of the published graph per 256² pixels, by stages."""
PACKAGES = {2: "@upscalerjs/maxim-deraining", 3: "@upscalerjs/maxim-denoising"}
PRECISIONS = ("highest", "high", "medium")
SIDE = 2048
EXACT = 100.0
"""Decibels that a float32 product must keep to count."""

Contestant = Callable[[], Any]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256, help="side of the picture, a multiple of 64")
    parser.add_argument("--stages", type=int, nargs="+", default=[2, 3], choices=[2, 3])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    print(f"{arguments.threads} threads, {arguments.size}² pixels, best of 5; smaller seconds are better")
    for stages in arguments.stages:
        measure(stages, arguments.size, arguments.threads)


def measure(stages: int, size: int, threads: int) -> None:
    """Time one size of network against a product, the published graph and onnxruntime."""
    net = Maxim(stages).eval()
    ours = CpuMaxim(net)
    x = torch.rand(1, size, size, 3)
    precision, quality, product = best_product()
    preview = CpuMaxim(net, torch.bfloat16)
    contestants: dict[str, Contestant] = {"product": product, "ours": partial(ours, x), "plain": partial(plain, net, x)}
    contestants["bfloat16"] = partial(preview, x)
    if (graph := published(stages)) is not None:
        contestants["graph"] = at_precision(precision, partial(graph, x))
    with TemporaryDirectory() as folder:
        if (session := exported(net, x, Path(folder), threads)) is not None:
            contestants["onnxruntime"] = session
        seconds = turns(contestants)
    report(stages, size, seconds, f"{precision!r}, {quality:.0f} dB")


def report(stages: int, size: int, seconds: dict[str, float], how: str) -> None:
    gflop = GFLOP[stages] * (size / 256) ** 2
    product = 2 * SIDE**3 / seconds["product"] / 1e9
    rate = gflop / seconds["ours"]
    print(f"\nMAXIM-{stages}S, counted as {gflop:.0f} GFLOP")
    print(f"  product {SIDE}³ ({how}): {product:.0f} GFLOP/s")
    print(f"  ours: {seconds['ours']:.3f} s, {seconds['ours'] / size**2 * 1e6:.1f} s/MP, {rate:.0f} GFLOP/s")
    print(f"  share of the product: {rate / product:.1%} (bar 55 %, goal 75 %)")
    for name, bar in (("plain", ""), ("bfloat16", ""), ("graph", ", bar 1.5"), ("onnxruntime", ", bar 0.91")):
        if name in seconds:
            ratio = seconds[name] / seconds["ours"]
            print(f"  {name}: {seconds[name]:.3f} s; ours is {ratio:.2f} times as fast{bar}")
        else:
            print(f"  {name}: not measured here")


def turns(contestants: dict[str, Contestant], rounds: int = 5) -> dict[str, float]:
    """The best time of each, in seconds; all are warmed up first and then take turns."""
    best = dict.fromkeys(contestants, math.inf)
    with torch.inference_mode():
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            best[name] = time.perf_counter() - start
        for _ in range(rounds):
            for name, run in contestants.items():
                # A product is so short that one scheduling of another process hides it: it runs several times a turn.
                for _ in range(1 if best[name] > 0.5 else 5):
                    start = time.perf_counter()
                    run()
                    best[name] = min(best[name], time.perf_counter() - start)
    return best


def plain(net: Maxim, x: torch.Tensor) -> torch.Tensor:
    return net(x)


@contextmanager
def matmul_precision(precision: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def at_precision(precision: str, run: Contestant) -> Contestant:
    def wrapped() -> Any:
        with matmul_precision(precision):
            return run()

    return wrapped


def best_product() -> tuple[str, float, Contestant]:
    """The fastest setting of torch's float32 product that keeps 100 dB: its name, its decibels and the product."""
    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    exact = a.double() @ b.double()
    runs = {precision: at_precision(precision, partial(torch.matmul, a, b)) for precision in PRECISIONS}
    quality = {precision: decibels(exact, run()) for precision, run in runs.items()}
    seconds = turns({precision: run for precision, run in runs.items() if quality[precision] >= EXACT})
    fastest = min(seconds, key=lambda precision: seconds[precision])
    return fastest, quality[fastest], runs[fastest]


def decibels(exact: torch.Tensor, other: torch.Tensor) -> float:
    """Signal to error."""
    return float(10 * torch.log10(exact.square().mean() / (exact - other).square().mean()))


def published(stages: int) -> Contestant | None:
    """The published graph, evaluated in torch with contiguous operands."""
    sys.path.append(str(Path(__file__).resolve().parents[1]))
    from tests.graph_evaluator import Graph

    for place in filter(None, os.environ.get("CLARITY_WEIGHTS", "").split(os.pathsep)):
        for path in Path(place).glob("**/package.json"):
            if json.loads(path.read_text("utf-8")).get("name") == PACKAGES[stages]:
                return Graph(path.parent / "models")
    return None


class Alone(torch.nn.Module):
    """A network without the argument that the exporter does not know."""

    def __init__(self, net: Maxim) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


def exported(net: Maxim, x: torch.Tensor, folder: Path, threads: int) -> Contestant | None:
    """The plain network in onnxruntime; None, with a reason printed, where the export or the import fails."""
    try:
        import onnxruntime
    except ImportError as error:
        print(f"onnxruntime is not measured: {error}")
        return None
    path = folder / "maxim.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no further package is announced to go
        torch.onnx.export(Alone(net), (x,), path, opset_version=20, dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
    given: dict[str, Any] = {session.get_inputs()[0].name: x.numpy()}
    difference = np.abs(session.run(None, given)[0] - plain_result(net, x)).max()
    assert difference < 1e-3, f"the exported network differs by {difference}"
    return lambda: session.run(None, given)


def plain_result(net: Maxim, x: torch.Tensor) -> Any:
    with torch.inference_mode():
        return net(x).numpy()


if __name__ == "__main__":
    main()
