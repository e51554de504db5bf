"""Files are written after a confirmed question only, by the planner as by a language model."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clarity_desktop.backend import tools
from clarity_desktop.backend.chat.conversation import Conversation
from clarity_desktop.backend.plan import ExportCall
from clarity_desktop.messages import Exported, Opened, SendMessage, TurnAdded, UserError
from clarity_desktop.text import english
from clarity_desktop.values import Picture
from tests.backend.test_llm import DERAIN, Dialogue, server, works_again
from tests.llm_server import call, say, texts

__all__ = ["server"]


@pytest.fixture
def folder(tmp_path: Path, photo) -> Path:
    """A folder with one photo, scene.jpg."""
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(photo(120, 90)).save(folder / "scene.jpg", quality=95)
    return folder


class Talk:
    """A conversation by the planner about a photo in a folder."""

    def __init__(self, studio, recorder, path: Path) -> None:
        self.studio, self.recorder = studio, recorder
        asyncio.run(studio.open(path, recorder.job()))
        self.id = recorder.last(Opened).card.id
        self.conversation = Conversation(studio)

    def say(self, text: str) -> str:
        asyncio.run(self.conversation.send(SendMessage(self.id, text), self.recorder.job()))
        return english(self.recorder.last(TurnAdded).turn.content)

    @property
    def card(self):
        return self.studio.document(self.id).card()


@pytest.fixture
def talk(unscored, studio, recorder, folder) -> Talk:
    return Talk(studio, recorder, folder / "scene.jpg")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_after_the_question_only(talk, folder) -> None:
    talk.say("remove the rain")
    asked = talk.say("save it as png")
    assert f"Save “Rain removed” as {folder / 'scene-restored.png'}?" in asked
    assert names(folder) == ["scene.jpg"]
    assert str(folder / "scene-restored.png") in talk.say("yes")
    with Image.open(folder / "scene-restored.png") as image:
        np.testing.assert_array_equal(image, talk.studio.document(talk.id).pixels(talk.card.head))
    assert talk.recorder.last(Exported).path == folder / "scene-restored.png"


def test_no_writes_nothing(talk, folder) -> None:
    talk.say("save it")
    assert "Nothing was changed" in talk.say("no")
    assert "No question is open" in talk.say("yes")
    assert names(folder) == ["scene.jpg"]


def test_another_request_is_no_confirmation(talk, folder) -> None:
    talk.say("save it")
    talk.say("remove the rain")
    assert "No question is open" in talk.say("yes")
    assert names(folder) == ["scene.jpg"]


def test_no_file_is_ever_replaced(talk, folder) -> None:
    (folder / "scene-restored.jpg").write_bytes(b"mine")
    talk.say("remove the rain")
    assert "scene-restored (2).jpg" in talk.say("save it")
    (folder / "scene-restored (2).jpg").write_bytes(b"also mine")  # since the question
    assert "scene-restored (3).jpg" in talk.say("yes")
    assert (folder / "scene-restored.jpg").read_bytes() == b"mine"
    assert (folder / "scene-restored (2).jpg").read_bytes() == b"also mine"


def test_what_comes_before_runs_at_once_and_has_its_own_turn(talk, folder) -> None:
    asked = talk.say("remove the rain and save it as tiff")
    assert "Save “Rain removed” as" in asked
    [_, ran, question] = talk.card.turns
    assert (len(ran.versions), [s["tool"] for s in ran.steps]) == (1, ["restore"])
    assert ([s["tool"] for s in question.steps], question.question) == (["export"], talk.card.head)
    talk.say("yes")
    assert names(folder) == ["scene-restored.tif", "scene.jpg"]


def test_the_original_is_a_copy_and_keeps_its_format(talk, folder) -> None:
    assert "scene-copy.jpg" in talk.say("export it")
    talk.say("ok")
    assert names(folder) == ["scene-copy.jpg", "scene.jpg"]


def test_a_format_that_cannot_be_written_is_a_sentence(talk, folder) -> None:
    context = tools.ToolContext(talk.studio, talk.id, talk.recorder.job(), confirmed=(ExportCall("docx"),))
    with pytest.raises(UserError, match=r"cannot write “docx”.*JPEG, PNG"):
        asyncio.run(tools.run(context, ExportCall("docx")))
    assert names(folder) == ["scene.jpg"]


def test_no_way_leads_around_the_question(talk, folder) -> None:
    context = tools.ToolContext(talk.studio, talk.id, talk.recorder.job())
    with pytest.raises(UserError, match="needs your confirmation"):
        asyncio.run(tools.run(context, ExportCall("png")))
    assert names(folder) == ["scene.jpg"]


def test_a_folder_that_takes_no_file_is_a_sentence(talk, folder) -> None:
    talk.say("save it")
    folder.rename(folder.with_name("moved"))
    assert "scene-copy.jpg" in talk.say("yes")
    assert talk.card.turns[-1].role == "assistant"


def test_a_pasted_photo_with_a_strange_name_gets_a_good_one(unscored, studio, recorder, photo, home) -> None:
    home.mkdir(exist_ok=True)
    asyncio.run(studio.open_picture(Picture(photo(60, 40)), '../../.a:b*"x.webp', recorder.job()))
    context = tools.ToolContext(studio, recorder.last(Opened).card.id, recorder.job(), confirmed=(ExportCall(),))
    asyncio.run(tools.run(context, ExportCall()))
    path = recorder.last(Exported).path
    assert path.parent == home
    assert path.name == "a_b__x-copy.webp"


def test_a_language_model_cannot_write_a_file_without_a_question(
    unscored, studio, recorder, photo, server, folder
) -> None:
    asyncio.run(studio.open(folder / "scene.jpg", recorder.job()))
    card = recorder.last(Opened).card
    dialogue = Dialogue(studio, recorder, photo(80, 60), server.url)
    dialogue.card = card
    server.replies(call(DERAIN, ("export", {"format": "png"})), say("Saved."))
    asked = dialogue.say("remove the rain and save it")
    assert "Save “Rain removed” as" in asked
    assert names(folder) == ["scene.jpg"]
    assert len(server.bodies) == 1
    assert "scene-restored.png" in dialogue.say("yes please")
    assert names(folder) == ["scene-restored.png", "scene.jpg"]
    assert len(server.bodies) == 1  # the answer runs the step without the model
    works_again(dialogue, server)


def test_a_model_gets_to_know_that_a_part_is_not_there_and_may_ask_for_another(
    unscored, studio, recorder, photo, server
) -> None:
    dialogue = Dialogue(studio, recorder, photo(200, 150), server.url)
    wrong = ("restore", {"task": "derain", "region": "the purple submarine"})
    right = ("restore", {"task": "derain", "region": "the darkest part"})
    server.replies(call(wrong), call(right), say("Only the darkest part was cleaned."))
    reply = dialogue.say("clean the part below the water")
    assert dialogue.tasks() == ["derain"]
    results = [m["content"] for m in server.bodies[1]["messages"] if m["role"] == "tool"]
    assert len(results) == 1
    assert results[0].startswith("Error: ")
    assert "submarine" in results[0] or "found" in results[0]
    assert "Only the darkest part" in reply
    assert "submarine" not in texts([dict(t.steps[0]) for t in dialogue.tree().turns if t.steps])


def test_a_model_that_insists_on_a_part_that_is_not_there_is_stopped(unscored, studio, recorder, photo, server) -> None:
    dialogue = Dialogue(studio, recorder, photo(200, 150), server.url)
    server.replies(call(("restore", {"task": "derain", "region": "the purple submarine"})))
    reply = dialogue.say("clean the submarine")
    assert dialogue.tasks() == []
    assert "stopped after" in reply
    assert reply.count("submarine") <= 2
    works_again(dialogue, server)
