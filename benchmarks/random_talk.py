"""Talk to the real window at random: requests and changed requests, clicks, other photos, undo, stops, restarts.

    python -m benchmarks.random_talk [MINUTES] [SEED]        default: 20 minutes, seed 1

With the planner, networks and scores of the program and without a network. Ends with an error at the first crash, step
that does not end, lost version or internal error, and prints what was done before it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from tests.stories.random_talk import RandomTalk
    from tests.stories.user import User

STEPS = 25
"""Between two checks."""
SITTING = 240.0
"""Seconds until the program is quit and started again."""
PATIENCE = 300.0


def main(words: list[str]) -> int:
    from tests.stories.random_talk import OFFLINE

    minutes, seed = (float(words[0]) if words else 20.0), (int(words[1]) if len(words) > 1 else 1)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(
            {f"XDG_{name}_HOME": f"{home}/{name.lower()}" for name in ("DATA", "CONFIG", "CACHE", "STATE")}
        )
        os.environ.update(OFFLINE, HOME=home)
        return _run(minutes * 60, seed)


def _run(seconds: float, seed: int) -> int:
    import qasync
    from PySide6.QtWidgets import QApplication

    from clarity_desktop.ui import translate

    app = QApplication([])
    translate.install(app)
    with qasync.QEventLoop(app) as loop:
        return loop.run_until_complete(_talk(seconds, random.Random(seed)))


async def _talk(seconds: float, luck: random.Random) -> int:
    from tests.stories.random_talk import RandomTalk
    from tests.stories.rounds import PHOTOS

    errors = _ErrorLog()
    end = time.monotonic() + seconds
    steps = 0
    while time.monotonic() < end:
        until = min(end, time.monotonic() + SITTING)
        async with _sitting() as user:
            talk = RandomTalk(user, sorted(PHOTOS.glob("*.jpg")), luck)
            try:
                while user.texts():  # work of the last sitting is offered
                    await user.press()
                while time.monotonic() < until:
                    for _ in range(STEPS):
                        await talk.step()
                    steps += STEPS
                    await talk.check()
                    assert not errors.seen, errors.seen
            except BaseException:  # noqa: BLE001 - the process ends
                _report(talk, steps)
                os._exit(1)  # the backend may never end
            _say(f"{steps} steps, {len(user.link.requests)} requests, {_memory()} MB")
    assert not errors.seen, errors.seen
    return 0


@asynccontextmanager
async def _sitting() -> AsyncGenerator[User]:
    from clarity_desktop.app import samples
    from clarity_desktop.backend.answer import answer_by
    from clarity_desktop.backend.model_cache import ModelCache
    from clarity_desktop.backend.studio import Studio
    from clarity_desktop.settings import Settings
    from clarity_desktop.ui.main_window import MainWindow
    from tests.stories.user import RecordingLink, User

    settings = Settings(device="cpu", threads=1)
    window = MainWindow(settings, samples())
    window.resize(1280, 800)
    window.show()
    ended = asyncio.Event()
    window.ended.connect(ended.set)
    link = RecordingLink(lambda: answer_by(Studio(settings, models=ModelCache())))
    user = User(window, link)
    window.connect_backend(link)
    await user.wait_for(lambda: window.restore.choice() is not None)
    await user.idle()
    yield user
    await user.idle()
    window.end_session()
    await asyncio.wait_for(ended.wait(), PATIENCE)
    link.close()
    window.deleteLater()


class _ErrorLog(logging.Handler):
    """Errors of the log and of slots: each is a bug."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []
        logging.getLogger().addHandler(self)
        sys.excepthook = lambda kind, error, trace: self.seen.append(
            "".join(traceback.format_exception(kind, error, trace))
        )

    def _note(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self.seen.append("".join(traceback.format_exception(kind, error, trace)))
        sys.__excepthook__(kind, error, trace)

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info))
        self.seen.append(text)


def _report(talk: RandomTalk, steps: int) -> None:
    traceback.print_exc()
    _say(f"Failed after {steps} steps. What was done before:")
    for line in talk.log[-60:]:
        _say(f"  {line}")
    for state in talk.user.window.photos.documents:
        _say(f"{state.title}: {[(turn.role, turn.content) for turn in state.turns[-4:]]}")


def _memory() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096 // 1_000_000


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
