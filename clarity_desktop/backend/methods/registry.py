"""The table of restoration methods and the choice among them. To add a bundled method, add it to METHODS."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import EntryPoint, distributions, entry_points
from typing import TYPE_CHECKING, Any, get_args

from clarity_desktop import settings
from clarity_desktop.backend.methods import (
    adaptive_lut,
    aod_net,
    clarity,
    classical,
    dehaze_net,
    dmphn,
    dncnn,
    fecnet,
    gca_net,
    iat,
    jorder_e,
    maxim,
    own,
    pairlie,
    prenet,
    ruas,
    sci,
    super_resolution,
    zero_dce,
)
from clarity_desktop.backend.methods.method import Method
from clarity_desktop.errors import UserError
from clarity_desktop.text import conjunction
from clarity_desktop.titles import task_title
from clarity_desktop.values import TASKS, Task, Tiling

if TYPE_CHECKING:
    from clarity_desktop.backend.weights import WeightStore

log = logging.getLogger(__name__)

_NETWORKS = (
    prenet, jorder_e, aod_net, dehaze_net, gca_net, dncnn, dmphn,
    iat, pairlie, sci, zero_dce, ruas, fecnet,
    adaptive_lut, super_resolution,
)  # fmt: skip
"""Modules of networks whose weights are downloaded on request."""
METHODS: Mapping[str, Method] = {
    m.id: m
    for m in (
        clarity.DENOISE,
        *maxim.METHODS,
        clarity.WEATHER,
        clarity.JPEG,
        clarity.ALL,
        *(method for family in _NETWORKS for method in family.METHODS),
        *classical.METHODS,
        clarity.FILL,
    )
}
"""The bundled methods in order of preference: a task's default is its first method whose weights are installed.

Networks come before classical methods, but `clarity-fill` fills worse than they do (docs/classical.md)."""

GROUP = "clarity.methods"
"""The entry point group under which installed packages add methods, a Method each."""


@cache
def all_methods() -> Mapping[str, Method]:
    """METHODS, the usable methods of installed packages, then those of weights files that the user imported.

    The log says why a method was left out. See `refresh`.
    """
    table = dict(with_third_party(METHODS, _entry_points()))
    with suppress(OSError):  # the store reports it
        if not (settings.data_folder() / "weights" / "own").exists():
            return table  # planning a request needs no store, whose import takes longer than a plan
    from clarity_desktop.backend.weights import default_store

    try:
        imported = default_store().own_models().values()
    except UserError:  # whatever is wrong with the folder is reported where weights are needed
        log.warning("Imported models cannot be listed.", exc_info=True)
        return table
    return table | {model.id: own.method(model) for model in imported}


def refresh() -> None:
    """List the methods again: models were imported or removed."""
    all_methods.cache_clear()


def _entry_points() -> Iterable[EntryPoint]:
    """The entry points of installed packages; those of the others where the table of one package is broken."""
    try:
        return entry_points(group=GROUP)
    except (ValueError, TypeError):  # one such table, of whatever package, fails all of them
        log.warning("A package has a broken table of entry points.", exc_info=True)
    found: list[EntryPoint] = []
    for package in distributions():
        with suppress(ValueError, TypeError):
            found += package.entry_points.select(group=GROUP)
    return found


def with_third_party(bundled: Mapping[str, Method], entries: Iterable[EntryPoint]) -> Mapping[str, Method]:
    """A table of methods extended by what the entry points load; a broken one is logged and left out."""
    table = dict(bundled)
    for entry in entries:
        if method := _load(entry, table):
            table[method.id] = method
    return table


def _load(entry: EntryPoint, table: Mapping[str, Method]) -> Method | None:
    """A third-party method, or None if it is broken."""
    from clarity_desktop.backend.weights import catalog

    try:
        method: object = entry.load()
    except (Exception, SystemExit):  # third-party code may raise anything
        log.warning("The third-party method %s (%s) cannot be loaded.", entry.name, entry.value, exc_info=True)
        return None
    if not isinstance(method, Method):
        log.warning("The third-party method %s (%s) is not a Method.", entry.name, entry.value)
    elif problem := _problem(method):
        log.warning("The third-party method %s (%s) has unusable facts: %s.", entry.name, entry.value, problem)
    elif method.id in table:
        log.warning("The third-party method %s (%s) has an id in use: %s.", entry.name, entry.value, method.id)
    elif unknown := [name for name in method.weights if name not in catalog()]:
        log.warning("The third-party method %s (%s) needs unknown weights: %s.", entry.name, entry.value, unknown)
    else:
        return method
    return None


def _problem(method: Method) -> str:
    """Which facts of a third-party method are not of their types and ranges; "" if all are."""
    facts: Any = method.facts  # as a package filled them in
    texts = facts.title, facts.architecture, facts.licence, facts.paper, facts.trained_on
    counts = facts.scale, facts.multiple_of, facts.minimum, facts.memory
    sound = {
        "id": isinstance(facts.id, str) and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", facts.id),
        "title, architecture, licence, paper, trained_on": all(isinstance(text, str) and text for text in texts),
        "title": isinstance(facts.title, str) and facts.title.isprintable(),
        "tasks": isinstance(facts.tasks, tuple) and facts.tasks and all(task in TASKS for task in facts.tasks),
        "weights": isinstance(facts.weights, tuple) and all(isinstance(name, str) for name in facts.weights),
        "scale, multiple_of, minimum, memory": all(isinstance(count, int) and count > 0 for count in counts),
        "overlap, tile, base": all(isinstance(n, int) and n >= 0 for n in (facts.overlap, facts.tile, facts.base)),
        "speed": isinstance(facts.speed, int | float) and 0 < facts.speed < math.inf,
        "tiling": isinstance(facts.tiling, str) and facts.tiling in get_args(Tiling),
        "padding": isinstance(facts.padding, str) and facts.padding in ("reflect", "zero", "edge"),
        "needs_mask, residual": isinstance(facts.needs_mask, bool) and isinstance(facts.residual, bool),
        "gains": isinstance(facts.gains, Mapping) and all(_is_number(gain) for gain in facts.gains.values()),
        "load": callable(method.load),
    }
    return next((names for names, holds in sound.items() if not holds), "")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def tasks(table: Mapping[str, Method] | None = None) -> tuple[Task, ...]:
    """The tasks that at least one method does, in the order of TASKS. table: all_methods() by default."""
    available = {task for m in (table or all_methods()).values() for task in m.tasks}
    return tuple(t for t in TASKS if t in available)


def preferred(chosen: Mapping[str, str], task: str) -> str | None:
    """The method that the user set for a task; None if there is none, or if it was removed since.

    chosen: task → method, as in the settings.
    """
    method = all_methods().get(chosen.get(task, ""))
    return method.id if method is not None and task in method.tasks else None


def choose(
    task: str,
    method: str | None = None,
    table: Mapping[str, Method] | None = None,
    store: WeightStore | None = None,
    order: Sequence[str] = (),
) -> Method:
    """The named method, or the default one for the task: the first whose weights are installed, or else the first.

    table and store are all_methods() and the program's own store by default. order: ids in the order in which they are
    to be tried; methods that it does not name follow. Raises UserError for an unknown task or method, or a method that
    does not do the task.
    """
    table = table or all_methods()
    if task not in TASKS:  # typed on the command line, so the ids are what helps
        raise UserError("methods.unknown_task", task=task, tasks=", ".join(tasks(table)))
    candidates = [m for m in table.values() if task in m.tasks]
    candidates.sort(key=lambda m: order.index(m.id) if m.id in order else len(order))
    if method is None:
        if not candidates:
            available = conjunction([task_title(t) for t in tasks(table)])
            raise UserError("methods.none_for_task", task=task_title(task), tasks=available)
        # Without an installed method the first one is returned, so that the error can name what to download.
        return next((m for m in candidates if not missing(m, store)), candidates[0])
    if method not in table:
        if not candidates:
            raise UserError("methods.unknown_method_no_other", method=method, task=task_title(task))
        names = ", ".join(m.id for m in candidates)
        raise UserError("methods.unknown_method", method=method, task=task_title(task), methods=names)
    if task not in table[method].tasks:
        titles = conjunction([task_title(t) for t in table[method].tasks])
        raise UserError("methods.wrong_task", method=table[method].title, tasks=titles, task=task_title(task))
    return table[method]


def missing(method: Method, store: WeightStore | None = None) -> tuple[str, ...]:
    """The weights of a method that are not installed."""
    from clarity_desktop.backend.weights import default_store  # planning a request needs no weights

    store = store or default_store()
    return tuple(name for name in method.weights if not store.is_ready(name))
