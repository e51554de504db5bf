"""Nothing that a person reads is written into the code of the window without going through the translator.

Two nets: a literal that reaches a widget (a setter, a constructor, a notice), directly or through a name, and a literal
of several words anywhere outside tr, docstrings, errors and the log.
"""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import clarity_desktop
from clarity_desktop.text import catalog
from clarity_desktop.text.marks import Plural

PACKAGE = Path(clarity_desktop.__file__).parent
UI = PACKAGE / "ui"
TRANSLATORS = frozenset({"tr", "translate", "QT_TRANSLATE_NOOP", "render"})
SETTERS = frozenset({
    "setText", "setToolTip", "setWindowTitle", "setAccessibleName", "setAccessibleDescription", "setPlaceholderText",
    "setStatusTip", "setWhatsThis", "setTitle", "setSuffix", "setPrefix", "setSpecialValueText", "setHeaderLabels",
    "setLabelText", "setInformativeText", "setDetailedText", "setTabText", "setTabToolTip", "addItem", "addItems",
    "addAction", "addMenu", "addTab", "addRow", "addButton", "addToolBar", "drawText", "showText", "showMessage",
    "insertItem", "insertTab", "say", "offer", "notify",
})  # fmt: skip
CONSTRUCTORS = frozenset({
    "QLabel", "QPushButton", "QToolButton", "QCheckBox", "QRadioButton", "QAction", "QMenu", "QGroupBox", "QDockWidget",
    "QToolBar", "QTreeWidgetItem", "QListWidgetItem", "QTableWidgetItem", "QFileDialog", "QMessageBox",
    "QProgressDialog", "getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory", "question",
    "information", "warning", "critical", "about", "muted_label", "plain_label", "field_label", "int_field",
    "decimal_field", "choice_field", "ElidedButton",
})  # fmt: skip
NOT_SHOWN = frozenset({
    "setObjectName", "setProperty", "setStyleSheet", "getLogger", "compile", "sub", "connect", "strftime",
})  # fmt: skip
"""Calls whose literals no one reads in the window."""
SAME_IN_ALL_LANGUAGES = frozenset({
    "Clarity Desktop", "SSEQ", "NIQE", "BRISQUE", "PIQE", "CPU", "GPU", "GPU (Metal)", "sRGB", "JPEG", "PNG", "WebP",
    "TIFF", "AVIF", "HEIC", "BMP", "JPEG XL", "error", "offer", "info", "fine", "primary", "quiet", "muted", "title",
})  # fmt: skip


def is_words(text: str) -> bool:
    """Whether the text, without fields and signs, has a word that a translator would see."""
    bare = re.sub(r"\{[^{}]*\}|%n|&", "", text)
    return text not in SAME_IN_ALL_LANGUAGES and bool(re.search(r"[A-Za-z]{2,}", bare))


def name_of(call: ast.Call) -> str:
    """The name of what is called; "log" for all methods of a module's log."""
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.value.id == "log":
        return "log"
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def is_log(call: ast.Call) -> bool:
    """Whether the call writes to the log, which is in English."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return isinstance(owner, ast.Name) and owner.id in {"log", "logging"}


def assignments(tree: ast.AST) -> dict[str, list[ast.expr]]:
    """Name → all that is assigned to it, in whatever scope."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
    return found


def literals(node: ast.AST, known: dict[str, list[ast.expr]], depth: int = 0) -> Iterator[str]:
    """The untranslated words that an expression may evaluate to."""
    match node:
        case ast.Constant(str(text)):
            if is_words(text):
                yield text
        case ast.JoinedStr(parts):
            for part in parts:
                yield from literals(part.value if isinstance(part, ast.FormattedValue) else part, known, depth)
        case ast.BinOp(left, ast.Add() | ast.Mod(), right):
            yield from (*literals(left, known, depth), *literals(right, known, depth))
        case ast.IfExp(_, body, other):
            yield from (*literals(body, known, depth), *literals(other, known, depth))
        case ast.Tuple([title, _]):  # an entry of a list, with its value or what it calls
            yield from literals(title, known, depth)
        case ast.BoolOp(_, parts) | ast.List(parts) | ast.Tuple(parts):
            for part in parts:
                yield from literals(part, known, depth)
        case ast.Starred(value):
            yield from literals(value, known, depth)
        case ast.Subscript(value):
            yield from literals(value, known, depth)
        case ast.Dict(_, values):
            for value in values:
                yield from literals(value, known, depth)
        case ast.GeneratorExp(element) | ast.ListComp(element):
            yield from literals(element, known, depth)
        case ast.Call(ast.Attribute(value, "format" | "replace" | "strip" | "rstrip" | "join"), arguments):
            yield from literals(value, known, depth)
            if name_of(node) == "join":
                for argument in arguments:
                    yield from literals(argument, known, depth)
        case ast.Name(name) if depth < 4:
            for value in known.get(name, ()):
                yield from literals(value, known, depth + 1)
        case _:
            pass


def shown_literals(tree: ast.Module) -> Iterator[str]:
    """Words that reach a widget without a translator."""
    known = assignments(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node) in SETTERS | CONSTRUCTORS and not is_log(node):
            for argument in (*node.args, *(k.value for k in node.keywords)):
                for text in literals(argument, known):
                    yield f"{node.lineno}: {name_of(node)}({text!r})"


def loose_sentences(tree: ast.Module) -> Iterator[str]:
    """Literals of several words that are neither documentation nor an error nor given to a translator."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call) and (name_of(node) in TRANSLATORS | NOT_SHOWN or is_log(node)):
            continue
        if isinstance(node, ast.Raise | ast.Assert) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.search(r"[A-Za-z]{2,}[,;:]? [A-Za-z]{2,}", node.value) and is_words(node.value):
                yield f"{node.lineno}: {node.value!r}"
            continue
        waiting.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize("file", sorted(UI.rglob("*.py")), ids=lambda file: file.relative_to(UI).as_posix())
def test_all_that_the_window_shows_goes_through_the_translator(file: Path):
    tree = ast.parse(file.read_text("utf-8"))
    assert [*shown_literals(tree), *loose_sentences(tree)] == []


@pytest.mark.parametrize(
    "code",
    [
        'label.setText("Open")',
        'label.setText(f"{n} photos")',
        'label.setText("About " + size)',
        'QLabel("Task")',
        'label.setText("Yes please" if ok else "")',
        'OPEN = "Open"\nlabel.setText(OPEN)',
        'TITLES = {"a": "Open"}\nlabel.setText(TITLES[key])',
        'label.setText("Best: {score}".format(score=3))',
        'notices.say("Something happened.")',
        'def f(): return "No method is installed"',
    ],
)
def test_the_nets_catch(code: str):
    tree = ast.parse(code)
    assert [*shown_literals(tree), *loose_sentences(tree)]


@pytest.mark.parametrize(
    "code",
    [
        'label.setText(self.tr("Open"))',
        'label.setText(self.tr("About {size}").format(size=size))',
        'label.setText(f"{a} × {b}")',
        'text = QCoreApplication.translate("labels", "Keep all")\nlabel.setText(text)',
        'label.setProperty("role", "some role")',
        'log.warning("The settings could not be saved: %s", e)',
        'def f():\n    """A docstring of words."""',
    ],
)
def test_the_nets_let_through(code: str):
    tree = ast.parse(code)
    assert [*shown_literals(tree), *loose_sentences(tree)] == []


# Messages of the backend


def messages_in_code() -> Iterator[tuple[str, str, set[str] | None]]:
    """(place, key, fields) of each Message("…") and UserError("…"); fields None where they are not literal."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            key, name = node.args[0], name_of(node)
            if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
                continue
            place = f"{file.relative_to(PACKAGE)}:{node.lineno}"
            if name == "Message":
                fields = node.args[1] if len(node.args) > 1 else None
                yield place, key.value, fields_of(fields)
            elif name in ERRORS:
                names = {k.arg for k in node.keywords}
                yield place, key.value, None if None in names else {str(n) for n in names}


ERRORS = frozenset({"UserError", "ModelMissing", "FileExists"})


def fields_of(node: ast.expr | None) -> set[str] | None:
    if node is None:
        return set()
    if isinstance(node, ast.Dict) and all(isinstance(k, ast.Constant) for k in node.keys):
        return {str(k.value) for k in node.keys if isinstance(k, ast.Constant)}
    return None


def template_fields(key: str) -> set[str]:
    template = catalog.templates()[key]
    forms = template if isinstance(template, Plural) else (template,)
    named = {name for form in forms for _, name, _, _ in string.Formatter().parse(form) if name}
    return named | ({"n"} if isinstance(template, Plural) else set())


def test_each_message_has_a_template_with_its_fields():
    wrong: list[str] = []
    for place, key, fields in messages_in_code():
        if key not in catalog.templates():
            wrong.append(f"{place}: {key!r} has no template")
        elif fields is not None and fields != template_fields(key):
            wrong.append(f"{place}: {key!r} has {sorted(fields)}, its template {sorted(template_fields(key))}")
    assert wrong == []


def test_each_template_is_used_and_lies_in_the_module_that_its_key_names():
    source = "".join(
        file.read_text("utf-8") for file in PACKAGE.rglob("*.py") if file.parent != PACKAGE / "text"
    ) + "".join((PACKAGE / "text" / name).read_text("utf-8") for name in ("message.py", "measures.py"))
    computed = set(re.findall(r'f"((?:\w+\.)+(?:\w+_)?)\{', source))
    unused = [
        key
        for key in catalog.templates()
        if f'"{key}"' not in source and not any(key.startswith(prefix) for prefix in computed)
    ]
    assert unused == []


def test_the_forms_of_a_plural_differ_in_their_number_only():
    for key, template in catalog.templates().items():
        if isinstance(template, Plural):
            one, many = ({name for _, name, _, _ in string.Formatter().parse(form) if name} for form in template)
            assert "%n" in template.many, key
            assert one <= many, key
