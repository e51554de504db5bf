"""Which method a task gets by default, and weights that travel with the program."""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clarity_desktop import settings
from clarity_desktop.backend import methods, weights
from clarity_desktop.backend.weights import Weights
from clarity_desktop.backend.weights.catalog import parse
from clarity_desktop.messages import ModelMissing, UserError
from clarity_desktop.values import ModelCard
from tests.fakes import HALVES


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Three methods for rain; the set names the weights that are on this machine."""
    there: set[str] = set()
    card = ModelCard("", "", 1, "MIT", "missing")
    monkeypatch.setattr(weights, "state", lambda m: replace(card, state="ready" if m in there else "missing"))
    three = [replace(HALVES, id=name, weights=(f"{name}-weights",)) for name in ("first", "second", "third")]
    monkeypatch.setattr(methods, "METHODS", {m.id: m for m in three})
    methods.all_methods.cache_clear()
    yield there
    methods.all_methods.cache_clear()


def test_the_first_method_whose_weights_are_ready_is_the_default(ready: set[str]) -> None:
    ready.add("third-weights")
    assert methods.choose("derain").id == "third"
    ready.add("second-weights")
    assert methods.choose("derain").id == "second"
    ready.add("first-weights")
    assert methods.choose("derain").id == "first"


def test_without_any_weights_the_preferred_method_says_what_to_get(ready: set[str]) -> None:
    assert methods.choose("derain").id == "first"


def test_a_named_method_is_taken_whether_its_weights_are_there_or_not(ready: set[str]) -> None:
    ready.add("first-weights")
    assert methods.choose("derain", "second").id == "second"
    with pytest.raises(UserError, match="does derain, not denoise"):
        methods.choose("denoise", "second")


def test_some_weights_of_several_are_not_enough(ready: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    both = replace(HALVES, id="both", weights=("first-weights", "second-weights"))
    monkeypatch.setattr(methods, "METHODS", {"both": both, **methods.METHODS})
    methods.all_methods.cache_clear()
    ready.update({"first-weights", "third-weights"})
    assert methods.choose("derain").id == "first"


def test_where_nothing_was_fetched_the_network_that_travels_along_restores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is in the table, MAXIM comes first, but its weights have to be fetched."""
    card = ModelCard("", "", 1, "MIT", "missing")
    monkeypatch.setattr(weights, "state", lambda m: replace(card, state="ready" if m == "clarity-all" else "missing"))
    methods.all_methods.cache_clear()
    assert methods.choose("low_light").id == "clarity-all"
    monkeypatch.setattr(weights, "state", lambda m: replace(card, state="ready"))
    assert methods.choose("low_light").id.startswith("maxim")


STRANGER = """
from dataclasses import replace
from tests.fakes import HALVES

WORKS = replace(HALVES, id="works")
TAKEN = replace(HALVES, id="clarity-all")
UNKNOWN = replace(HALVES, id="unknown", weights=("nobody-has-them",))
NONE = "a method"
"""
OFFERED = """[clarity.methods]
absent = there_is_no_such_module:METHOD
none = stranger_of_a_test:NONE
taken = stranger_of_a_test:TAKEN
unknown = stranger_of_a_test:UNKNOWN
works = stranger_of_a_test:WORKS
"""


def test_of_an_installed_package_what_works_is_used_and_the_rest_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    facts = tmp_path / "stranger_of_a_test-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Name: stranger_of_a_test\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(OFFERED)
    (tmp_path / "stranger_of_a_test.py").write_text(STRANGER)
    monkeypatch.syspath_prepend(tmp_path)
    methods.all_methods.cache_clear()
    table = methods.all_methods()
    methods.all_methods.cache_clear()
    assert set(table) == {*methods.METHODS, "works"}
    assert [r.getMessage().split()[2] for r in caplog.records] == ["absent", "none", "taken", "unknown"]


# Weights that travel with the program ---------------------------------------------------------------------------------

CONTENT = b"\x02\x00\x00\x00\x00\x00\x00\x00{}"  # an empty safetensors file


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program's own file."""
    path = tmp_path / "resources" / "weights" / "own.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    monkeypatch.setattr(settings, "resources", lambda: tmp_path / "resources")
    return path


@pytest.fixture
def own(tmp_path: Path) -> Weights:
    text = f"""
[[model]]
id = "own"
title = "Our own"
licence = "MIT"
format = "safetensors"
by_hand = "the program again"
sources = [{{ bundled = "weights/own.safetensors" }}]
file = "own.safetensors"
size = {len(CONTENT)}
sha256 = "{hashlib.sha256(CONTENT).hexdigest()}"
"""
    return Weights(parse(text), tmp_path / "installed")


def test_what_travels_with_the_program_is_ready_and_used_where_it_lies(
    own: Weights, bundled: Path, tmp_path: Path
) -> None:
    assert own.state("own").state == "ready"
    assert own.need(["own"]) == {"own": bundled}
    assert not list((tmp_path / "installed").rglob("*.safetensors"))


def test_a_changed_file_of_the_program_is_not_used(own: Weights, bundled: Path) -> None:
    bundled.write_bytes(CONTENT[:-1] + b" ")
    with pytest.raises(ModelMissing, match="Our own"):
        own.need(["own"])


def test_a_program_without_its_file_says_so(own: Weights, bundled: Path) -> None:
    shutil.rmtree(bundled.parent)
    assert own.state("own").state == "missing"
    with pytest.raises(ModelMissing, match=r"“Our own” travel with the program.* install the program again\.$"):
        own.need(["own"])


def test_a_file_of_the_program_that_may_not_be_read_is_a_sentence(own: Weights, bundled: Path, monkeypatch) -> None:
    def forbidden(path: Path) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(weights, "checksum", forbidden)
    with pytest.raises(UserError, match=r"own\.safetensors"):
        own.need(["own"])
