"""Build a folder of photos with real damage, for --real, from copies of the repositories that real_labels.csv names.

    python -m clarity_training.real_photos MIRROR OUT [--exclude FILE] [--add DIR]

MIRROR holds one git directory per repository, OWNER+NAME/…. Only names and labels are kept here, no photo. Each row of
real_labels.csv was labeled by looking at the photo: its most visible damage, or "normal"; `others` are further visible
degradations, `scene` is shared by photos of one place or one camera series, which stay in one half.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from clarity_desktop.messages import UserError
from clarity_desktop.values import CLASSES, DEGRADATIONS
from clarity_training import photos
from clarity_training.evaluate.test_set import LABELED, REAL_SETS

LABELS = Path(__file__).with_name("real_labels.csv")
MAX_SIDE = 1600
"""Larger photos are reduced; all others keep the bytes of their file."""
COLUMNS: tuple[str, ...] = (
    "path",
    "set",
    "role",
    "class",
    "pair_id",
    "others",
    "note",
    "source_repo",
    "source_commit",
    "source_path",
)
_NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Label:
    """One row of the label file. name: the class; scene: empty where the photo shares its scene with no other."""

    repository: str
    commit: str
    source_path: str
    name: str
    others: tuple[str, ...]
    note: str
    scene: str


def read_labels(file: Path = LABELS) -> list[Label]:
    """The labels, in the order of the file. Raises UserError where a row names an unknown class or a photo twice."""
    with file.open(newline="", encoding="utf-8") as lines:
        labels = [
            Label(
                row["repository"], row["commit"], row["source_path"], row["class"],
                tuple(filter(None, row["others"].split(";"))), row["note"], row["scene"],
            )
            for row in csv.DictReader(lines)
        ]  # fmt: skip
    twice = Counter((label.repository, label.source_path) for label in labels)
    for label in labels:
        unknown = {label.name} - set(CLASSES) | set(label.others) - set(DEGRADATIONS)
        if unknown or twice[label.repository, label.source_path] > 1:
            reason = f"unknown: {', '.join(sorted(unknown))}" if unknown else "the photo is labeled twice"
            raise UserError(f"“{file}”: the label of “{label.source_path}” is wrong ({reason}). Correct that line.")
    return labels


def build(labels: Sequence[Label], mirror: Path, out: Path, exclude: Path | None = None) -> list[dict[str, str]]:
    """Write the labeled photos below `out`; returns the rows of its index.

    Photos of repositories that `mirror` lacks, and those whose difference hash is listed in the file `exclude`, are
    left out. Files that are already there are kept.
    """
    hashes = photos.read_hashes(exclude) if exclude else None
    rows: list[dict[str, str]] = []
    for repository in dict.fromkeys(label.repository for label in labels):
        wanted = [label for label in labels if label.repository == repository]
        folder = _git_directory(mirror, repository)
        if folder is None:
            print(f"{repository}: not in “{mirror}”, {len(wanted)} photos are missing", file=sys.stderr)
            continue
        files = [(label, out / _path(label)) for label in wanted]
        new = [(label, file) for label, file in files if not file.exists()]
        for (label, file), content in zip(new, _contents(folder, [label for label, _ in new]), strict=True):
            if content is None:
                print(f"{repository}: no “{label.source_path}” at {label.commit}", file=sys.stderr)
            else:
                _write(file, content)
        there = [file for _, file in files if file.exists()]
        kept = set(there if hashes is None else photos.without_listed(there, hashes))
        for file in set(there) - kept:
            file.unlink()
        rows += [_row(label, file.relative_to(out)) for label, file in files if file in kept]
    return rows


def add(folder: Path, out: Path) -> list[dict[str, str]]:
    """Copy the real photos of another folder with an index.csv; returns their rows with their own set and role."""
    with (folder / "index.csv").open(newline="", encoding="utf-8") as lines:
        found = [row for row in csv.DictReader(lines) if (row["set"], row["role"]) in REAL_SETS]
    for row in found:
        target = out / row["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / row["path"], target)
    return [{column: row.get(column, "") for column in COLUMNS} for row in found]


def write_index(rows: Iterable[dict[str, str]], out: Path) -> None:
    """index.csv of the folder, with the COLUMNS."""
    with (out / "index.csv").open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _path(label: Label) -> Path:
    """CLASS/NAME_N.SUFFIX: what precedes the number decides the half, and is the same for all photos of a scene."""
    source = f"{label.repository}/{label.source_path}"
    digest = hashlib.sha256(source.encode()).hexdigest()
    if label.scene:
        stem = f"{_slug(label.scene)}_{int(digest[:8], 16):010}"
    else:
        stem = f"{_slug(Path(label.source_path).stem)}-{digest[:8]}_0"
    suffix = Path(label.source_path).suffix.lower()
    return Path(label.name.replace(" ", "-")) / (stem + suffix)


def _slug(text: str) -> str:
    return re.sub(r"[^\w-]+", "-", text)[-_NAME_LENGTH:]


def _row(label: Label, path: Path) -> dict[str, str]:
    return {
        "path": path.as_posix(), "set": LABELED, "role": label.name, "class": label.name, "pair_id": "",
        "others": ";".join(label.others), "note": label.note, "source_repo": f"github:{label.repository}",
        "source_commit": label.commit, "source_path": label.source_path,
    }  # fmt: skip


def _git_directory(mirror: Path, repository: str) -> Path | None:
    heads = sorted((mirror / repository.replace("/", "+")).rglob("HEAD"))
    return next((head.parent for head in heads if (head.parent / "objects").is_dir()), None)


def _contents(folder: Path, labels: Sequence[Label]) -> Iterator[bytes | None]:
    """The bytes of each labeled file; None where the git directory lacks it."""
    command = ["git", f"--git-dir={folder}", "cat-file", "--batch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as git:  # noqa: S603 a fixed program; labels are ours
        assert git.stdin
        assert git.stdout
        for label in labels:
            git.stdin.write(f"{label.commit}:{label.source_path}\n".encode())
            git.stdin.flush()
            answer = git.stdout.readline().rsplit(b" ", 2)
            found = len(answer) == 3 and answer[1] == b"blob"
            yield git.stdout.read(int(answer[2]) + 1)[:-1] if found else None
        git.stdin.close()


def _write(file: Path, content: bytes) -> None:
    """Write one photo; a larger one than MAX_SIDE is reduced to it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    part.write_bytes(content)
    with Image.open(part) as image:
        is_large, is_jpeg = max(image.size) > MAX_SIDE, image.format == "JPEG"
    if is_large:
        reduced = Image.fromarray(photos.load_8bit(part, MAX_SIDE))
        if is_jpeg:
            reduced.save(part, "JPEG", quality=97, subsampling=0)
        else:
            reduced.save(part, "PNG")
    part.rename(file)


def main(words: Sequence[str] | None = None) -> int:
    """Build the folder and say how many photos of each class it holds."""
    parser = argparse.ArgumentParser("python -m clarity_training.real_photos", description=__doc__)
    parser.add_argument("mirror", type=Path, metavar="MIRROR", help="the folder with the copied repositories")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to write")
    parser.add_argument("--exclude", type=Path, metavar="FILE", help="difference hashes of photos to leave out")
    parser.add_argument("--add", type=Path, metavar="DIR", help="another folder with an index.csv to include")
    args = parser.parse_args(words)
    args.out.mkdir(parents=True, exist_ok=True)
    rows = build(read_labels(), args.mirror, args.out, args.exclude)
    if args.add:
        rows += add(args.add, args.out)
    write_index(rows, args.out)
    counts = Counter(REAL_SETS[row["set"], row["role"]] for row in rows)
    print(", ".join(f"{name} {counts[name]}" for name in CLASSES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
