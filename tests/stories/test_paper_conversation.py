"""The conversation of the paper (section 4.4): sixteen rounds of questions, photos, restoration and feedback.

With the real window, thread, planner, detector, scores and the method that comes with the program; then once more with
the replies of a language model over HTTP. What is asserted is the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clarity_desktop.settings import LlmSettings
from tests.llm_server import LlmServer, llm_server

from .rounds import PHOTOS, Rounds
from .user import QUICK, Sitting


@pytest.fixture(params=["planner", "language model"])
def server(request: pytest.FixtureRequest) -> Iterator[LlmServer | None]:
    with nullcontext() if request.param == "planner" else llm_server() as running:
        yield running


def files_in(folder: Path) -> set[Path]:
    return {path for path in folder.iterdir() if path.is_file()}


async def test_sixteen_rounds_about_two_photos(
    sit_down_with_networks: Sitting, server: LlmServer | None, tmp_path: Path
) -> None:
    photos = [Path(shutil.copy(PHOTOS / name, tmp_path)) for name in ("colosseum-rain.jpg", "room-dark.jpg")]
    async with sit_down_with_networks(QUICK) as user:
        talk = Rounds(user, "conversation", server)
        await user.open(photos[0])
        if server is not None:
            user.window.session.change_settings(llm=LlmSettings(True, server.url, "small"))
        first, original = user.shown, user.head.id

        await talk.ask("Hi! What can you do?", says=("chat.help",), reply="I restore photos.")
        said = await talk.ask(
            "What is wrong with this photo?", {"tool": "detect"}, says=("analysis.finding", "degradation.rain streak")
        )
        assert "Rain streaks" in said
        said = await talk.ask("How good is it?", {"tool": "assess"}, says=("analysis.overall",))
        assert "Overall score" in said
        await talk.change("Remove the rain, please.", {"tool": "restore", "task": "derain"})
        derained = user.head
        assert derained.step.method == "clarity-weather"
        assert derained.quality.overall > first.versions[original].quality.overall
        said = await talk.ask("Is it better now?", {"tool": "assess"}, says=("analysis.overall_before",))
        assert f"{derained.quality.overall:.0f} of 100" in said
        assert f"it was {first.versions[original].quality.overall:.0f}." in said
        other = {"tool": "restore", "task": "derain", "method": "clarity-all", "version": original}
        await talk.change("That is not good enough, try another one.", other, parent=original)
        another = user.head
        assert another.step.method == "clarity-all"
        assert first.versions[derained.id].rejected

        said = await talk.ask("Select the sky.", {"tool": "select_region", "region": "sky"}, says=("chat.selected",))
        assert "“sky” is selected" in said
        sky = first.selection.now.region
        assert sky is not None
        said = await talk.change(
            "Brighten only that.", {"tool": "restore", "task": "low_light", "region": "sky"},
            says=("chat.restored", "chat.only_part"), only=sky,
        )  # fmt: skip
        assert "Only “sky” was changed." in said
        brightened = user.head.id

        await talk.drop(photos[1])
        room = user.shown.versions[user.head.id]
        assert room.detection.found["low-light"].probability > 0.9
        await talk.change("It is too dark, I can barely see anything.", {"tool": "restore", "task": "low_light"})
        assert (await user.pixels()).mean() > 1.5 * (await user.pixels(room.id)).mean()
        assert user.head.quality.overall > room.quality.overall
        weaker = {"tool": "restore", "task": "low_light", "strength": 0.5, "version": room.id}
        await talk.change("Now it looks plastic.", weaker, parent=room.id)

        said = await talk.return_to("Go back to the first photo.", first, {"tool": "go_to", "photo": "first"})
        assert "colosseum-rain" in said
        said = await talk.ask(
            "How much of the picture is sky?", {"tool": "select_region", "region": "sky"}, says=("chat.selected",)
        )
        assert "% of the photo" in said
        await talk.ask("Compare it with the original.", {"tool": "compare"}, says=("chat.compared",))
        said = await talk.ask("Undo that.", {"tool": "undo"}, shows=another.id, says=("chat.shown",))
        assert "Rain removed" in said
        export = {"tool": "export", "format": "png"}
        said = await talk.ask("Thanks! Save it as a PNG.", export, says=("chat.export_question",))
        assert "The photo that you opened stays as it is." in said
        assert files_in(tmp_path) == set(photos)
        await talk.ask("Yes.", export, says=("chat.exported",))
        [saved] = files_in(tmp_path) - set(photos)
        with Image.open(saved) as file:
            assert (file.format, file.size) == ("PNG", (384, 216))
            assert (np.asarray(file.convert("RGB")) == await user.pixels(another.id)).all()
        assert talk.count == 16
        assert {v.id for v in user.versions} == {original, derained.id, another.id, brightened}
