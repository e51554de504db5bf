"""The wheel: it carries everything, runs from an empty folder, and asks for libraries that fit together."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel, built from a copy of the tree, so that the tree stays clean."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    skip = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("clarity_desktop", "resources"):
        shutil.copytree(ROOT / name, tree / name, ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, "."]
    built = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stdout + built.stderr
    [made] = folder.glob("*.whl")
    with zipfile.ZipFile(made) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="session")
def metadata(wheel: Path) -> importlib.metadata.Distribution:
    [folder] = wheel.glob("*.dist-info")
    return importlib.metadata.Distribution.at(folder)


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """installed(*words): python with the wheel and the libraries, in an empty folder."""
    empty = tmp_path / "empty"
    empty.mkdir()

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": str(wheel)}
        return subprocess.run(
            [sys.executable, *words], cwd=empty, env=env, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def files(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in found if not path.name.startswith(".")}


def test_the_wheel_carries_every_module_and_every_resource(wheel: Path) -> None:
    carried = files(wheel / "clarity_desktop")
    assert files(ROOT / "clarity_desktop") <= carried
    assert {f"resources/{name}" for name in files(ROOT / "resources")} <= carried


def test_the_wheel_does_not_carry_the_training_package(wheel: Path) -> None:
    assert {path.name for path in wheel.iterdir() if path.suffix != ".dist-info"} == {"clarity_desktop"}


def test_it_runs_from_an_empty_folder(installed: Callable[..., subprocess.CompletedProcess[str]], wheel: Path) -> None:
    where = installed("-c", "import clarity_desktop.settings as s; print(s.resources())")
    assert where.stdout.strip() == str(wheel / "clarity_desktop" / "resources"), where.stderr
    said = installed("-m", "clarity_desktop", "--version")
    assert said.returncode == 0, said.stderr
    assert said.stdout.strip().endswith(importlib.metadata.Distribution.at(next(wheel.glob("*.dist-info"))).version)


def test_it_knows_its_models(installed: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    said = installed("-m", "clarity_desktop", "models", "list", "--json")
    assert said.returncode == 0, said.stderr
    models = [json.loads(line) for line in said.stdout.splitlines()]
    assert {"maxim-deraining", "niqe"} <= {model["id"] for model in models}
    carried = {file.stem for file in (ROOT / "resources" / "weights").glob("*.safetensors")}
    assert "clarity-all" in carried
    assert {m["id"] for m in models if m["state"] == "ready"} == carried
    assert {m["state"] for m in models if m["id"] not in carried} == {"missing"}


def test_its_commands_exist(metadata: importlib.metadata.Distribution) -> None:
    commands = {e.name: e.load() for e in metadata.entry_points if e.group in {"console_scripts", "gui_scripts"}}
    assert set(commands) == {"clarity", "clarity-desktop"}
    assert all(callable(command) for command in commands.values())


def needed(metadata: importlib.metadata.Distribution) -> dict[str, Requirement]:
    """The libraries of a plain installation, without extras."""
    all_of_them = [Requirement(line) for line in metadata.requires or ()]
    return {canonicalize_name(r.name): r for r in all_of_them if r.marker is None or r.marker.evaluate({"extra": ""})}


def closure(metadata: importlib.metadata.Distribution) -> set[str]:
    """All that a plain installation brings here, directly or not."""
    seen: set[str] = set()
    waiting = list(needed(metadata).values())
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in seen:
            continue
        seen.add(name)
        for line in importlib.metadata.requires(name) or ():
            further = Requirement(line)
            if further.marker is None or any(further.marker.evaluate({"extra": e}) for e in {"", *requirement.extras}):
                waiting.append(further)
    return seen


def test_a_plain_installation_brings_one_opencv(metadata: importlib.metadata.Distribution) -> None:
    assert {name for name in closure(metadata) if name.startswith("opencv")} == {"opencv-python-headless"}


def test_a_plain_installation_brings_no_library_of_another_licence_family(
    metadata: importlib.metadata.Distribution,
) -> None:
    assert not closure(metadata) & {"pyiqa", "groundingdino-py", "facexlib", "pyside6-addons", "bitsandbytes"}


def test_torchvision_stays_with_the_torch_it_was_made_for(metadata: importlib.metadata.Distribution) -> None:
    libraries = needed(metadata)
    assert "0.28.0" in libraries["torchvision"].specifier
    assert "0.29.0" not in libraries["torchvision"].specifier
    assert "2.13.0" in libraries["torch"].specifier
    assert "2.14.0" not in libraries["torch"].specifier


def test_the_qt_that_aborts_is_left_out(metadata: importlib.metadata.Distribution) -> None:
    qt = needed(metadata)["pyside6-essentials"].specifier
    assert "6.11.3" in qt
    assert "6.12.0" not in qt


def test_the_tested_set_fits_the_ranges(metadata: importlib.metadata.Distribution) -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    for name, requirement in needed(metadata).items():
        if name in pins:
            assert pins[name] in requirement.specifier, name


PROJECTS = {
    "PIL": "pillow",
    "google": "protobuf",
    "cv2": "opencv-python-headless",
    "PySide6": "pyside6-essentials",
    "shiboken6": "pyside6-essentials",
    "open_clip": "open-clip-torch",
}
"""Where a module's name is not its project's."""


def imported(node: ast.AST) -> set[str]:
    """The packages that a statement imports."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    return {node.module.partition(".")[0]} if isinstance(node, ast.ImportFrom) and node.module else set()


def test_every_library_that_the_program_imports_is_asked_for(metadata: importlib.metadata.Distribution) -> None:
    roots = {
        root
        for path in (ROOT / "clarity_desktop").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for root in imported(node)
    }
    asked = {PROJECTS.get(root, canonicalize_name(root)) for root in roots - sys.stdlib_module_names}
    optional = {"transformers", "pyiqa"}  # of the extras `words` and `pyiqa`; imported where that is used
    assert asked - optional - {"clarity-desktop"} <= set(needed(metadata))


def test_every_library_has_its_licence_in_the_table(metadata: importlib.metadata.Distribution) -> None:
    table = (ROOT / "docs" / "licenses.md").read_text("utf-8").lower().replace("_", "-")
    for name in needed(metadata):
        assert name in table, name
