"""Seconds per megapixel of networks, against the same networks in onnxruntime on this CPU.

    python -m benchmarks.networks [--size 256] [--threads 1]

Every figure is the best of 5, with both taking turns, so that disturbances affect them equally. Random weights take as
long as trained ones. The bar: at most 1.1 times the seconds of onnxruntime. Ours runs as in the program: in
channels-last memory, and the network of this project in bfloat16 where the processor has it.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.maxim import Contestant, turns
from clarity_desktop.backend.methods.method import Run
from clarity_desktop.backend.methods.network import Loaded, NetworkRun
from clarity_desktop.backend.nets import bfloat16, dncnn, prenet, rlfn
from clarity_desktop.backend.nets.clarity_all import TASKS, ClarityAll

BAR = 1.1


class Quick(nn.Module):
    """The network of this project for one task."""

    def __init__(self) -> None:
        super().__init__()
        self.net = ClarityAll()

    def forward(self, rgb: torch.Tensor) -> torch.Tensor:
        task = torch.full((rgb.shape[0],), TASKS.index("denoise"), device=rgb.device)
        return self.net(rgb, torch.zeros_like(rgb[:, :1]), task)


class _Job:
    def checkpoint(self) -> None: ...


def networks() -> Mapping[str, nn.Module]:
    """The networks to compare, each from a photo to the result."""
    return {"DnCNN": dncnn.DnCNN(3), "RLFN ×4": rlfn.Rlfn(), "PReNet": prenet.PReNet(), "clarity-all": Quick()}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256, help="side of the picture")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    print(f"{args.threads} threads, {args.size}² pixels, best of 5, seconds per megapixel; bar: {BAR}")
    print("| network | ours | onnxruntime | ours ÷ onnxruntime |\n| --- | --- | --- | --- |")
    for name, net in networks().items():
        print(_row(name, net.eval(), args.size, args.threads), flush=True)


def _row(name: str, net: nn.Module, size: int, threads: int) -> str:
    tile = np.random.default_rng(0).random((size, size, 3), np.float32)
    with TemporaryDirectory() as folder:
        session = _exported(net, tile, Path(folder) / "net.onnx", threads)
        seconds = turns({"ours": _ours(net, tile), "onnxruntime": session})
    ours, other = (seconds[key] / size**2 * 1e6 for key in ("ours", "onnxruntime"))
    return f"| {name} | {ours:.2f} | {other:.2f} | {ours / other:.2f} |"


def _ours(net: nn.Module, tile: np.ndarray[Any, Any]) -> Contestant:
    run: Run = NetworkRun(Loaded(net, "cpu"), net)
    quick = isinstance(net, Quick) and bfloat16.native("cpu")
    if isinstance(net, Quick):
        net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def once() -> object:
        with torch.autocast("cpu", torch.bfloat16, enabled=quick):
            return run(tile, None, _Job())

    return once


def _exported(net: nn.Module, tile: np.ndarray[Any, Any], path: Path, threads: int) -> Contestant:
    """The network in onnxruntime, from a photo float32 H×W×3 to the result."""
    import onnxruntime

    x = torch.from_numpy(tile).permute(2, 0, 1)[None].contiguous()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the exporter that needs no further package is announced to go
        torch.onnx.export(net, (x,), path, opset_version=20, dynamo=False)
        expected = net(x).numpy()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
    given: dict[str, Any] = {session.get_inputs()[0].name: x.numpy()}
    difference = np.abs(session.run(None, given)[0] - expected).max()
    assert difference < 1e-3 * max(1.0, float(np.abs(expected).max())), f"{difference} off"
    return lambda: session.run(None, given)


if __name__ == "__main__":
    main()
