"""The training distribution: its declared dependencies, which are those of the product or extend them."""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = {"PIL": "pillow", "cv2": "opencv-python-headless", "open_clip": "open-clip-torch"}
"""Packages whose distribution has another name."""


def requirements(pyproject: Path) -> dict[str, Requirement]:
    declared = map(Requirement, tomllib.loads(pyproject.read_text("utf-8"))["project"]["dependencies"])
    return {canonicalize_name(requirement.name): requirement for requirement in declared}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_every_imported_library_is_declared() -> None:
    packages = set[str]().union(*map(imported, (ROOT / "training" / "clarity_training").rglob("*.py")))
    used = {DISTRIBUTIONS.get(n, canonicalize_name(n)) for n in packages - sys.stdlib_module_names}
    assert used - {"clarity-training"} == set(requirements(ROOT / "training" / "pyproject.toml"))


def test_the_versions_are_those_of_the_product() -> None:
    product = requirements(ROOT / "pyproject.toml")
    for name, requirement in requirements(ROOT / "training" / "pyproject.toml").items():
        if name != "clarity-desktop":
            assert requirement.specifier == product[name].specifier, name
