"""The project's language: docstrings of functions on arrays, words that name nothing in the field, names of modules."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = (ROOT / "clarity_desktop", ROOT / "training" / "clarity_training")
FILES = sorted(file for package in PACKAGES for file in package.rglob("*.py"))
OTHERS = sorted(f for name in ("tests", "benchmarks") for f in (ROOT / name).rglob("*.py") if f != Path(__file__))

ARRAY_TYPES = {"NDArray", "ndarray", "Tensor"}
SHAPE = re.compile(r"×|\b(same size|shapes?|scalars?|vectors?|\d+ (features|float64)|each ratio|one each)\b")
VALUES = re.compile(r"\b(u?int\d+|float\d+|bool|bytes|dtypes?|same (type|depth)|logits?)\b|\d\.\.|range")

WORDS = {
    "anew": "again",
    "unasked": "automatically",
    "unborn": "incomplete",
    "doomed": "prunable",
    "strays": "orphans",
    "worn": "current",
    "nobody": "no one, or the passive voice",
    "nought": "zero",
    "wish": "request",
    "wished": "requested",
    "wishes": "requests",
    "perceive": "analyze",
    "perceived": "analyzed",
    "perceiving": "analysis",
    "sighting": "sample",
    "sightings": "samples",
    "breathe": "checkpoint",
    "breath": "checkpoint",
    "workshop": "runner",
    "gently": "at low priority",
    "likeliest": "most likely",
    "heed": "follow",
    "befall": "happen to",
    "whence": "from where",
    "thereof": "its",
    "hitherto": "so far",
    "amiss": "wrong",
    "mend": "fix",
    "mended": "fixed",
    "told": "passed, informed",
    "outgrown": "superseded",
    "strangers": "third parties",
    "fetched": "downloaded",
}
BRITISH = {
    "colour": "color",
    "colours": "colors",
    "coloured": "colored",
    "grey": "gray",
    "greyed": "grayed",
    "neighbour": "neighbor",
    "neighbours": "neighbors",
    "behaviour": "behavior",
    "artefact": "artifact",
    "artefacts": "artifacts",
    "labelled": "labeled",
}
"""Only in names and comments: users may write these words."""
NOUNS = {"spelling", "lettering", "ranking", "reply"}
"""Modules whose names end like a participle but are nouns."""

PHRASES = {
    "of ours": "our own …, built-in",
    "of our own": "built-in, own",
    "for want of": "without",
    "so many": "n, the first n",
    "as asked": "as requested",
    "comes to": "results in",
    "came of": "resulted from",
    "puts right": "corrects",
    "put right": "corrected",
    "out of hand": "unconditionally",
    "by and by": "gradually",
}


def test_docstrings_of_functions_on_arrays_state_shape_and_values() -> None:
    """Every public function that takes or returns an array names its shape and its dtype or value range."""
    missing = [name for file in FILES for name in _undocumented(file)]
    assert not missing, "\n".join(missing)


def test_no_private_dialect() -> None:
    """Identifiers, docstrings, comments and strings use the field's words."""
    found = [line for file in (*FILES, *OTHERS) for line in _dialect(file)]
    assert not found, "\n".join(found)


def test_modules_are_named_by_nouns_and_verbs() -> None:
    """A module is named after what it holds: no gerund, adverb or participle."""
    odd = [str(f.relative_to(ROOT)) for f in FILES if re.search(r"(ing|ly|ed)$", f.stem) and f.stem not in NOUNS]
    assert not odd, odd


def _undocumented(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    types = ARRAY_TYPES | _aliases(next(p for p in PACKAGES if p in file.parents))
    for name, function in _public_functions(tree):
        used = {n.id for a in _annotations(function) for n in ast.walk(a) if isinstance(n, ast.Name)}
        used |= {n.attr for a in _annotations(function) for n in ast.walk(a) if isinstance(n, ast.Attribute)}
        text = ast.get_docstring(function) or ""
        if used & types and not (SHAPE.search(text) and VALUES.search(text)):
            yield f"{file.relative_to(ROOT)}:{function.lineno} {name}: {text!r}"


def _public_functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_") else [node]
        for function in inner:
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and not function.name.startswith("_"):
                owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
                yield owner + function.name, function


def _annotations(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    arguments = function.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        if argument.annotation is not None:
            yield argument.annotation
    if function.returns is not None:
        yield function.returns


@cache
def _aliases(package: Path) -> set[str]:
    """Names of a package that stand for array types: `Pixels = NDArray[np.uint8] | NDArray[np.uint16]`."""
    names: set[str] = set()
    for file in package.rglob("*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                parts = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
                is_type = isinstance(node.value, ast.Subscript | ast.BinOp)
                if is_type and parts & {"NDArray"} and "Callable" not in parts:
                    names.add(node.targets[0].id)
    return names


def _dialect(file: Path) -> Iterator[str]:
    source = file.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in {tokenize.NAME, tokenize.STRING, tokenize.COMMENT}:
            for advice in _advice(token.string, token.type):
                yield f"{file.relative_to(ROOT)}:{token.start[0]} {advice}"


@cache
def _advice(text: str, kind: int) -> tuple[str, ...]:
    """What is wrong with a name, a string or a comment."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text).replace("_", " ").lower()
    found: list[str] = []
    for word in re.findall(r"[a-z]+", words):
        if word in WORDS:
            found.append(f"“{word}”: say “{WORDS[word]}”")
        if word in BRITISH and kind != tokenize.STRING:
            found.append(f"“{word}”: spell it “{BRITISH[word]}”")
    if kind != tokenize.NAME:
        plain = " ".join(words.split())
        found += [f"“{phrase}”: say “{better}”" for phrase, better in PHRASES.items() if phrase in plain]
    return tuple(found)
