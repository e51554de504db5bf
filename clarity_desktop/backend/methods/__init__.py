"""The table of restoration methods: to add one, name it here. Strangers' methods come in by the entry point group."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from clarity_desktop.backend import weights
from clarity_desktop.backend.methods import clarity, maxim
from clarity_desktop.backend.methods.method import Checkpoint, ComputeTarget, ContextAware, Load, Method, Run
from clarity_desktop.messages import UserError
from clarity_desktop.values import TASKS, Task

__all__ = [
    "METHODS",
    "Checkpoint",
    "ComputeTarget",
    "ContextAware",
    "Load",
    "Method",
    "Run",
    "all_methods",
    "choose",
    "missing",
    "tasks",
]

log = logging.getLogger(__name__)

METHODS: dict[str, Method] = {m.id: m for m in (*maxim.METHODS, *clarity.METHODS)}
"""In order of preference: the default of a task is its first method whose weights are on this machine."""


@cache
def all_methods() -> Mapping[str, Method]:
    """METHODS and what installed packages add under the entry point group `clarity.methods` (a Method each).

    What cannot be used of theirs is left out, and why is in the log.
    """
    table = dict(METHODS)
    for entry in entry_points(group="clarity.methods"):
        try:
            method: object = entry.load()
        except Exception:
            log.warning("The method %s of an installed package cannot be loaded.", entry.name, exc_info=True)
            continue
        if not isinstance(method, Method) or method.id in table:
            log.warning("The method %s of an installed package is not usable or its id is taken.", entry.name)
        elif unknown := [name for name in method.weights if name not in weights.catalog()]:
            log.warning("The method %s of an installed package needs unknown weights: %s.", entry.name, unknown)
        else:
            table[method.id] = method
    return table


def tasks() -> tuple[Task, ...]:
    """The tasks that at least one method does, in the order of TASKS."""
    done = {task for m in all_methods().values() for task in m.tasks}
    return tuple(t for t in TASKS if t in done)


def choose(task: str, method: str | None = None) -> Method:
    """The named method, or the default one for the task. Raises UserError for what does not exist or does not fit."""
    table = all_methods()
    if task not in TASKS:
        raise UserError(f"There is no task “{task}”. The tasks are {', '.join(tasks())}.")
    fitting = [m for m in table.values() if task in m.tasks]
    if method is None:
        if not fitting:
            raise UserError(f"No method for “{task}” is part of this version. It can do {', '.join(tasks())}.")
        return next((m for m in fitting if not missing(m)), fitting[0])
    if method not in table:
        raise UserError(f"There is no method “{method}”. For “{task}” there is {_named(fitting)}.")
    if task not in table[method].tasks:
        raise UserError(f"The method {method} does {', '.join(table[method].tasks)}, not {task}.")
    return table[method]


def missing(method: Method) -> tuple[str, ...]:
    """The weights of a method that are not on this machine."""
    return tuple(name for name in method.weights if weights.state(name).state != "ready")


def _named(methods: list[Method]) -> str:
    return ", ".join(m.id for m in methods) or "none yet"
