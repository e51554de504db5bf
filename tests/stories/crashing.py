"""The program that test_crash kills: works on a photo in the real window and says what is done.

Prints JSON lines: what must be there after the crash, then that a restoration is running. It ends only by being killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from clarity_desktop import app
from clarity_desktop.ui.main_window import MainWindow

from .user import User


async def work(window: MainWindow, photo: Path) -> None:
    user = User(window)
    await user.wait_for(lambda: window.restore.choice() is not None)
    await user.open(photo)
    await user.click("rotate_right")
    await user.rename(user.head.id, "Turned")
    await user.click("star")
    await user.say("how large is this photo?")
    turns = [turn.role for turn in user.shown.turns]
    print(json.dumps({"versions": list(user.shown.versions), "head": user.head.id, "turns": turns}), flush=True)
    user.start_restoring("derain")
    await user.wait_for(lambda: user.window.requests.jobs)
    print(json.dumps("restoring"), flush=True)
    await asyncio.Event().wait()


def main() -> None:
    app.show(lambda window: window.requests.spawn(work(window, Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
