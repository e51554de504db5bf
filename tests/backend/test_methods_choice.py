"""Which method a task gets by default, third-party methods, and bundled weights."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from safetensors.numpy import save

from clarity_desktop.backend import restore, weights
from clarity_desktop.backend.methods import METHODS, ComputeTarget, all_methods, choose, missing
from clarity_desktop.backend.methods.registry import with_third_party
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.backend.weights.catalog import parse
from clarity_desktop.messages import ModelMissing, UserError
from clarity_desktop.text import Text
from tests.fakes import HALVES


def entry(name: str, content: bytes = b"", sources: str = "") -> str:
    """A model of the catalog in one safetensors file."""
    return f"""
[[model]]
id = "{name}"
title = "Our own"
licence = "MIT"
format = "safetensors"
manual_url = "https://example.org/{name}"
sources = [{sources}]
file = "{name}.safetensors"
size = {len(content)}
sha256 = "{hashlib.sha256(content).hexdigest()}"
"""


NAMES = ("first", "second", "third")
THREE = {name: replace(HALVES, id=name, weights=(f"{name}-weights",)) for name in NAMES}
"""Three methods for rain."""


@pytest.fixture
def store(tmp_path: Path) -> Callable[..., WeightStore]:
    """store(names): a store in which the weights of these methods are installed."""

    def make(*ready: str) -> WeightStore:
        models = parse("".join(entry(f"{name}-weights", content(name)) for name in NAMES))
        made = WeightStore(models, tmp_path / "weights")
        for name in NAMES:
            made.remove(f"{name}-weights")
        for name in ready:
            (tmp_path / name).write_bytes(content(name))
            made.import_(tmp_path / name)
        return made

    return make


def content(name: str) -> bytes:
    """A safetensors file of its own for each name."""
    return save({name: np.zeros(len(name), np.float32)})


def test_the_first_method_whose_weights_are_installed_is_the_default(store: Callable[..., WeightStore]) -> None:
    for k, name in enumerate(NAMES):
        assert choose("derain", table=THREE, store=store(*NAMES[k:])).id == name


def test_without_any_weights_the_preferred_method_is_the_default(store: Callable[..., WeightStore]) -> None:
    assert choose("derain", table=THREE, store=store()).id == "first"
    assert missing(THREE["first"], store()) == ("first-weights",)


def test_a_named_method_is_chosen_whether_its_weights_are_installed_or_not(store: Callable[..., WeightStore]) -> None:
    assert choose("derain", "second", THREE, store("first")).id == "second"


def test_some_weights_of_several_are_not_enough(store: Callable[..., WeightStore]) -> None:
    both = replace(HALVES, id="both", weights=("first-weights", "second-weights"))
    assert choose("derain", table={"both": both, **THREE}, store=store("first", "third")).id == "first"


@pytest.mark.parametrize(
    ("task", "method", "error"),
    [
        ("paint", None, "There is no task “paint”. The tasks are derain."),
        (
            "denoise",
            None,
            "Clarity Desktop has no method for the task “Remove noise”. It has methods for: Remove rain.",
        ),
        ("derain", "x", "There is no method “x”. The methods for “Remove rain” are first, second, third."),
        ("denoise", "x", "There is no method “x”, and no other method for the task “Remove noise”."),
        ("denoise", "first", "The method “Halving” is not for the task “Remove noise”. It is for: Remove rain."),
    ],
)
def test_an_impossible_choice_is_an_error_that_names_the_possible_ones(
    task: str, method: str | None, error: str
) -> None:
    with pytest.raises(UserError) as caught:
        choose(task, method, THREE)
    assert str(caught.value) == error


def test_the_bundled_network_is_the_default_until_the_preferred_weights_are_installed(tmp_path: Path) -> None:
    """In the table MAXIM comes first, but its weights have to be downloaded."""
    nothing = WeightStore(weights.catalog(), tmp_path / "weights")
    assert choose("low_light", store=nothing).id == "clarity-all"
    assert next(m.id for m in METHODS.values() if "low_light" in m.tasks).startswith("maxim")


def test_the_facts_of_a_method_are_plain_data() -> None:
    for method in METHODS.values():
        facts = json.loads(json.dumps(asdict(method.facts)))
        assert facts["id"] == method.id
        assert "load" not in facts


def test_results_are_added_as_a_residual_only_where_a_method_says_so() -> None:
    assert not HALVES.residual
    own = {"clarity-all", "clarity-denoise", "clarity-fill", "clarity-jpeg", "clarity-weather"}
    known = own | {"nl-means", "jpeg-deblocking", "opencv-telea"}
    assert {m.id for m in METHODS.values() if m.residual} == known


class NullJob:
    """A job without progress or cancelling."""

    def checkpoint(self) -> None: ...

    def report(self, fraction: float, note: Text = "", seconds_left: float | None = None) -> None: ...


THIRD_PARTY = """
from dataclasses import replace
from tests.fakes import HALVES

WORKS = replace(HALVES, id="works")
TAKEN = replace(HALVES, id="clarity-all")
UNKNOWN = replace(HALVES, id="unknown", weights=("missing-everywhere",))
PATH = replace(HALVES, id="../Not an id")
UNTITLED = replace(HALVES, id="untitled", title=None)
WORD = replace(HALVES, id="word", tasks="derain")
SLOW = replace(HALVES, id="slow", speed=float("nan"))
EMPTY = replace(HALVES, id="empty", multiple_of=0)
PADDED = replace(HALVES, id="padded", padding="mirror")
NESTED = replace(HALVES, id="nested", weights=(["prenet-real"],))
WORDS = replace(HALVES, id="words", gains={"derain": "much"})
COLORED = replace(HALVES, id="colored", title="\\x1b[31mRed")
NONE = "a method"
"""


def test_broken_third_party_methods_are_logged_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "third_party_of_a_test.py").write_text(THIRD_PARTY)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "exits_on_import.py").write_text("raise SystemExit(3)")
    names = (
        "none", "taken", "unknown", "path", "untitled", "word", "slow", "empty", "padded", "nested", "words", "colored",
        "works",
    )  # fmt: skip
    entries = [EntryPoint(n, f"third_party_of_a_test:{n.upper()}", "clarity.methods") for n in names]
    absent = EntryPoint("absent", "there_is_no_such_module:METHOD", "clarity.methods")
    exits = EntryPoint("exits", "exits_on_import:METHOD", "clarity.methods")
    table = with_third_party(METHODS, [absent, exits, *entries])
    assert list(table) == [*METHODS, "works"]
    assert [r.getMessage().split()[3] for r in caplog.records] == ["absent", "exits", *names[:-1]]
    assert all("third_party_of_a_test:" in r.getMessage() for r in caplog.records[2:])


def test_methods_of_installed_packages_are_in_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = tmp_path / "third_party_of_a_test-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Name: third_party_of_a_test\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[clarity.methods]\nworks = third_party_of_a_test:WORKS\n")
    (tmp_path / "third_party_of_a_test.py").write_text(THIRD_PARTY)
    monkeypatch.syspath_prepend(tmp_path)
    all_methods.cache_clear()
    table = all_methods()
    all_methods.cache_clear()
    assert list(table) == [*METHODS, "works"]


@pytest.mark.parametrize("table", [b"[clarity.methods]\ngarbage\n", b"\xff\xfe[clarity.methods]\n"])
def test_a_package_with_a_broken_table_does_not_take_away_the_methods_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: bytes
) -> None:
    works = b"[clarity.methods]\nworks = third_party_of_a_test:WORKS\n"
    for name, content in (("broken", table), ("third_party_of_a_test", works)):
        facts = tmp_path / f"{name}-1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_bytes(content)
    (tmp_path / "third_party_of_a_test.py").write_text(THIRD_PARTY)
    monkeypatch.syspath_prepend(tmp_path)
    all_methods.cache_clear()
    found = all_methods()
    all_methods.cache_clear()
    assert list(found) == [*METHODS, "works"]


def test_the_example_package_can_be_installed_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/third-party-methods.md: the package as it is, with pip."""
    source, target = tmp_path / "source", tmp_path / "installed"
    shutil.copytree(Path(__file__).parents[2] / "docs" / "example_method", source)  # a build writes beside it
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", target, source], check=True)
    monkeypatch.syspath_prepend(target)
    [installed] = distributions(name="clarity-median", path=[str(target)])
    method = with_third_party(METHODS, installed.entry_points.select(group="clarity.methods"))["median"]
    steps = np.full((40, 50, 3), 90, np.uint8)
    steps[:, 25:] = 160
    pixels = steps.copy()
    pixels[10, 10] = pixels[30, 40] = 255
    plan = restore.TilePlan(0, method.overlap, ComputeTarget())
    run = method.load({}, plan.place, "denoise")
    done = restore.restore(
        pixels, method, run, plan, job=NullJob(), on_tile=lambda _bounds, _pixels: None, reload=lambda _place: run
    )
    assert np.array_equal(done.pixels, steps)


# Bundled weights ------------------------------------------------------------------------------------------------

CONTENT = b"\x02\x00\x00\x00\x00\x00\x00\x00{}"  # an empty safetensors file


@pytest.fixture
def bundled(tmp_path: Path) -> Path:
    """The file in the resources."""
    path = tmp_path / "resources" / "weights" / "own.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def own(tmp_path: Path) -> WeightStore:
    models = parse(entry("own", CONTENT, '{ bundled = "weights/own.safetensors" }'))
    return WeightStore(models, tmp_path / "installed", tmp_path / "resources")


def test_a_bundled_file_is_ready_and_used_in_place(own: WeightStore, bundled: Path, tmp_path: Path) -> None:
    assert own.state("own").state == "ready"
    assert own.need(["own"]) == {"own": bundled}
    assert not list((tmp_path / "installed").rglob("*.safetensors"))


def test_a_modified_bundled_file_is_not_used(own: WeightStore, bundled: Path) -> None:
    bundled.write_bytes(CONTENT[:-1] + b" ")
    with pytest.raises(ModelMissing, match="Our own"):
        own.need(["own"])


def test_a_missing_bundled_file_is_an_error_that_says_reinstall(own: WeightStore, bundled: Path) -> None:
    shutil.rmtree(bundled.parent)
    assert own.state("own").state == "missing"
    with pytest.raises(ModelMissing, match=r"bundled model “Our own” is missing.* Reinstall Clarity Desktop\.$"):
        own.need(["own"])


def test_a_bundled_file_that_cannot_be_read_is_an_error_that_names_it(
    own: WeightStore, bundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path, *_args: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(UserError, match=r"Permission denied \(.*own\.safetensors"):
        own.need(["own"])
