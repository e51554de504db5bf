"""`clarity bench click`: how many clicks the engines need to select objects that people marked in unseen photos.

Clicks are simulated: the first is at the deepest point of the object, each next one at the deepest point of the largest
region in which the mask is wrong. The objects are a fixed choice: of every photo of the split the same number, drawn by
the photo's name. OpenCV's GrabCut, started again for every click, is measured beside the engines for information.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.regions import graph_cut, masks
from clarity_desktop.backend.regions.engine import Engine, Prompt
from clarity_desktop.backend.regions.engines import published
from clarity_desktop.backend.weights import default_store
from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Click
from clarity_training import marked_photos, options
from clarity_training.marked_photos import MarkedPhoto
from clarity_training.photos import load_8bit
from clarity_training.simulated_clicks import next_click, overlap

SMALLEST, LARGEST = 0.03, 0.5
"""Shares of the photo that an object covers."""
SHOWN = 1, 2, 3, 5, 10
"""Numbers of clicks whose mean overlap is printed."""
GOOD = 0.85
"""Overlap at which a selection is done; the number of clicks that it takes is NoC@85."""
ALWAYS = 5
"""Clicks that are simulated in any case."""
OPENCV = "cv2.grabCut"
SIZES = 0.3, 12.0, 24.0
"""Megapixels of the photos on which times are taken."""

Bools = NDArray[np.bool_]
Photo = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class MarkedObject:
    """An object (H×W bool) in a photo."""

    photo: Path
    truth: Bools


class Selector(Protocol):
    """Answers the clicks on one photo."""

    def __call__(self, clicks: Sequence[Click], box: Bounds | None, /) -> Bools:
        """The mask, H×W. clicks: all so far."""
        ...


def main(words: Sequence[str] | None = None) -> int:
    """Measure the engines, write FILE.json, print a table."""
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    every = [p for p in marked_photos.find(args.marked) if p.split == args.split]
    sets = {"held-back photos": choose(every, args.count)}
    if args.unseen:
        sets["unseen folders"] = choose(marked_photos.find(args.unseen), args.count)
    result: dict[str, Any] = {}
    for name in args.engine:
        print(f"Measuring {name}…", file=sys.stderr, flush=True)
        found = {title: measure(name, chosen, args.clicks) for title, chosen in sets.items()}
        result[name] = found | ({"boxes": boxes(name, sets["held-back photos"])} if args.boxes else {})
        if args.times and name != OPENCV:
            result[name]["seconds"] = seconds(_engine(name), load_8bit(every[0].photo))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(markdown(result))
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity bench click", description=__doc__)
    options.add_run_options(p, seed=1, threads=1)
    p.add_argument(
        "--marked", nargs="+", type=Path, required=True, metavar="DIR",
        help="the folders of the training (see marked_photos.py); photos of the split are used",
    )  # fmt: skip
    p.add_argument("--unseen", nargs="+", type=Path, metavar="DIR", help="folders that were not trained on; all photos")
    p.add_argument("--split", choices=("validation", "test"), default="test")
    p.add_argument("--count", type=int, default=120, help="objects at most")
    p.add_argument("--engine", nargs="+", default=["clarity-click", "grabcut"], help=f"engines, or {OPENCV}")
    p.add_argument("--clicks", type=int, default=20, help="clicks after which a selection that is not done counts so")
    p.add_argument("--boxes", action="store_true", help="also the overlap after one exact box")
    p.add_argument("--times", action="store_true", help=f"also the times for {SIZES} megapixels")
    p.add_argument("--out", type=Path, metavar="FILE", help="written as JSON")
    return p


# Objects -------------------------------------------------------------------------------------------------------------


def choose(photos: Sequence[MarkedPhoto], count: int) -> list[MarkedObject]:
    """At most `count` objects, as many of each photo as possible; no two of a photo are nearly the same."""
    of_photo = [_objects(photo) for photo in photos]
    chosen: list[MarkedObject] = []
    for k in range(max(map(len, of_photo), default=0)):
        chosen += [found[k] for found in of_photo if k < len(found)]
    if not chosen:
        raise UserError("The folders hold no object of a suitable size in photos of this split.")
    return chosen[:count]


def _objects(marked: MarkedPhoto) -> list[MarkedObject]:
    """The objects of a photo in an order drawn by its name."""
    labels = marked.labels()
    every = [(k, n) for k, one in enumerate(labels) for n in marked_photos.objects(one, SMALLEST, LARGEST)]
    np.random.default_rng(zlib.crc32(marked.marks.stem.encode())).shuffle(every)
    found: list[MarkedObject] = []
    for person, segment in every:
        truth = labels[person] == segment
        if all(overlap(truth, other.truth) < 0.7 for other in found):
            found.append(MarkedObject(marked.photo, truth))
    return found


# Clicks --------------------------------------------------------------------------------------------------------------


def measure(name: str, chosen: Sequence[MarkedObject], most: int) -> dict[str, Any]:
    """Mean overlap after each of the first clicks, share of objects done and NoC@85 of an engine."""
    every = [simulate(selector(name, load_8bit(one.photo)), one.truth, most) for one in chosen]
    return summary(every, len({one.photo for one in chosen}), most)


def simulate(select: Selector, truth: Bools, most: int) -> list[float]:
    """The overlap with an object (H×W bool) after each click, until it is GOOD and there were ALWAYS, or `most`."""
    clicks: list[Click] = []
    mask: Bools | None = None
    found: list[float] = []
    while len(found) < most and (len(found) < ALWAYS or max(found) < GOOD):
        click = next_click(truth, mask)
        if click is None:
            found += [1.0] * (ALWAYS - len(found))
            break
        clicks.append(click)
        mask = select(clicks, None)
        found.append(overlap(truth, mask))
    return found


def summary(every: Sequence[Sequence[float]], photos: int, most: int) -> dict[str, Any]:
    """The figures of the overlaps after each click of some objects."""
    needed = [next((k + 1 for k, share in enumerate(found) if share >= GOOD), most) for found in every]
    return {
        "objects": len(every), "photos": photos,
        # A selection that is done stays as it is.
        "overlap": {str(k): float(np.mean([found[min(k, len(found)) - 1] for found in every])) for k in SHOWN},
        "clicks to 85 %": float(np.mean(needed)),
        "done": float(np.mean([max(found) >= GOOD for found in every])),
        "standard error": {
            str(k): float(np.std([found[min(k, len(found)) - 1] for found in every]) / np.sqrt(len(every)))
            for k in SHOWN
        },
    }  # fmt: skip


def boxes(name: str, chosen: Sequence[MarkedObject]) -> float:
    """The mean overlap after one exact box around each object."""
    found: list[float] = []
    for one in chosen:
        ys, xs = np.flatnonzero(one.truth.any(1)), np.flatnonzero(one.truth.any(0))
        box = Bounds(int(xs[0]), int(ys[0]), int(xs[-1] - xs[0]) + 1, int(ys[-1] - ys[0]) + 1)
        found.append(overlap(one.truth, selector(name, load_8bit(one.photo))([], box)))
    return float(np.mean(found))


def selector(name: str, photo: Photo) -> Selector:
    """What answers the clicks on a photo (H×W×3 uint8), by the name of an engine. Raises UserError for another."""
    if name == OPENCV:
        return lambda clicks, box: _opencv(photo, clicks, box)
    return _engine_selector(_engine(name), photo)


def _engine(name: str) -> Engine:
    engines = {engine.id: engine for engine in published(_models, default_store())("cpu")}
    if name not in engines:
        raise UserError("regions.unknown_engine", engine=name, engines=", ".join([*engines, OPENCV]))
    return engines[name]


_models = ModelCache()


def _engine_selector(engine: Engine, photo: Photo) -> Selector:
    height, width = photo.shape[:2]
    embedding = engine.embed(photo, lambda: None)
    hint: list[NDArray[np.float32] | None] = [None]

    def select(clicks: Sequence[Click], box: Bounds | None, /) -> Bools:
        best = engine.masks(embedding, Prompt(tuple(clicks), box, hint[0]))[0]
        hint[0] = best.hint
        if not (best.logits > 0).any():
            return np.zeros((height, width), np.bool_)
        return masks.from_logits(best.logits, width, height).full() > 127

    return select


def _opencv(photo: Photo, clicks: Sequence[Click], box: Bounds | None) -> Bools:
    """GrabCut of H×W×3 uint8: disks of 2 % of the shorter side around the clicks, 5 iterations; H×W bool."""
    seeds = np.full(photo.shape[:2], cv2.GC_PR_BGD, np.uint8)
    if box is not None:
        seeds[:] = cv2.GC_BGD
        seeds[box.slices()] = cv2.GC_PR_FGD
    radius = max(1, round(0.02 * min(photo.shape[:2])))
    for click in clicks:
        label = cv2.GC_FGD if click.inside else cv2.GC_BGD
        cv2.circle(seeds, (int(click.x), int(click.y)), radius, (label,), cv2.FILLED)
    return graph_cut.cut(photo, seeds, 5) > 0.5


# Times ---------------------------------------------------------------------------------------------------------------


def seconds(engine: Engine, photo: Photo, rounds: int = 5) -> dict[str, list[float]]:
    """Seconds of the first click (with the look at the photo) and of a further one, the best of some rounds, by size.

    photo: H×W×3 uint8, enlarged to the sizes.
    """
    found: dict[str, list[float]] = {}
    for size in SIZES:
        factor = (size * 1e6 / photo.shape[0] / photo.shape[1]) ** 0.5
        large = np.asarray(cv2.resize(photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8)
        height, width = large.shape[:2]
        first, further = Click(width / 2, height / 2), Click(width / 4, height / 4, inside=False)
        times: list[tuple[float, float]] = []
        for _ in range(rounds):
            start = time.perf_counter()
            embedding = engine.embed(large, lambda: None)
            found_first = engine.masks(embedding, Prompt((first,)))[0]
            masks.from_logits(found_first.logits, width, height)
            between = time.perf_counter()
            again = engine.masks(embedding, Prompt((first, further), hint=found_first.hint))[0]
            masks.from_logits(again.logits, width, height)
            times.append((between - start, time.perf_counter() - between))
        found[f"{size:g} MP"] = [min(t[k] for t in times) for k in (0, 1)]
    return found


# Output --------------------------------------------------------------------------------------------------------------


def markdown(result: Mapping[str, Mapping[str, Any]]) -> str:
    """A table of the engines, as Markdown."""
    lines = [
        "| photos | engine | objects (photos) | " + " | ".join(f"{k}" for k in SHOWN) + " | NoC@85 | done | box |",
        "|" + " --- |" * (len(SHOWN) + 6),
    ]
    for name, sets in result.items():
        for title, figures in sets.items():
            if title in ("boxes", "seconds"):
                continue
            shares = " | ".join(f"{figures['overlap'][str(k)]:.3f}" for k in SHOWN)
            box = f"{sets['boxes']:.3f}" if "boxes" in sets and title == "held-back photos" else "–"
            lines.append(
                f"| {title} | {name} | {figures['objects']} ({figures['photos']}) | {shares} "
                f"| {figures['clicks to 85 %']:.1f} | {figures['done']:.0%} | {box} |"
            )
    for name, sets in result.items():
        for size, (first, further) in sets.get("seconds", {}).items():
            lines.append(f"\n{name}, {size}: first click {first:.2f} s, further {further:.2f} s.")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
