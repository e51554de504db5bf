"""`clarity chat`: lines in, replies and versions out; nothing ends the conversation but its end."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from clarity_desktop import cli, settings
from clarity_desktop.backend import methods
from clarity_desktop.backend.document import Document
from clarity_desktop.settings import LlmSettings, Settings
from clarity_desktop.text import english
from clarity_desktop.values import Quality
from tests.backend.conftest import detector as detector
from tests.backend.conftest import judge as judge
from tests.backend.conftest import plain_methods as plain_methods
from tests.backend.conftest import scorer as scorer
from tests.check import ROOT
from tests.fakes import SLOW
from tests.llm_server import LlmServer, call, llm_server, say
from tests.test_cli import file as file
from tests.test_cli import make_studio as make_studio

Chat = Callable[..., tuple[int, str, str]]


@pytest.fixture
def chat(plain_methods: None, scorer, make_studio, file, capsys, monkeypatch) -> Chat:
    """chat(*lines, words=…) → exit code, stdout and stderr of a conversation about `file` whose lines are piped in."""
    why = dict.fromkeys(("sseq", "niqe", "brisque", "piqe", "overall"), "Not in this test.")
    scorer.scores = lambda *_: Quality(why=why)

    def run(*lines: str, words: tuple[object, ...] = (), photo: Path | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        try:
            code = cli.main(["chat", str(photo or file), *map(str, words)], make_studio)
        except SystemExit as e:
            code = int(e.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with llm_server() as made:
        settings.save(Settings(llm=LlmSettings(True, made.url, "small")))
        yield made


def card_of(project: Path, tmp_path: Path):
    document = Document.open_project(tmp_path / "again", project)
    try:
        return document.card()
    finally:
        document.close(keep=False)


def test_lines_become_versions_and_a_project(chat, tmp_path) -> None:
    project = tmp_path / "scene.clarity"
    code, out, err = chat("remove the rain", "", "rotate it left", "undo", "redo", words=("-o", project))
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "scene.png: 120 × 90 pixels, version 1."
    assert [line for line in lines if line.startswith("[")] == [
        next(line for line in lines if line.startswith("[version 2: Rain removed, halves")), "[version 3: Rotated]",
        "[version 2 is shown]", "[version 3 is shown]",
    ]  # fmt: skip
    assert lines.index("> remove the rain") < lines.index("> rotate it left") < lines.index("> undo")
    assert f"saved as {project}" in err
    card = card_of(project, tmp_path)
    assert [v.step.kind for v in card.versions] == ["open", "restore", "rotate"]
    assert [english(t.content) for t in card.turns if t.role == "user"] == [
        "remove the rain", "rotate it left", "undo", "redo",
    ]  # fmt: skip


def test_the_next_line_answers_a_question(chat) -> None:
    methods.METHODS["slow"] = replace(SLOW, speed=1e5)
    methods.all_methods.cache_clear()
    _, out, _ = chat("denoise it", "no", "save it", "yes")
    assert "Start?" in out
    assert "Nothing was changed." in out
    assert "Saved as" in out
    assert "scene-copy.png" in out


def test_without_a_project_it_is_said_where_the_versions_stay(chat, home) -> None:
    code, _, err = chat("remove the rain")
    assert code == 0
    assert "not saved as a project" in err
    assert "Reopen a closed document" in err
    assert len(list(home.rglob("closed/*.store"))) == 1


def test_a_conversation_that_changed_nothing_leaves_nothing(chat, home) -> None:
    code, out, err = chat("hello", "what is wrong with it?")
    assert code == 0
    assert "Hello" in out
    assert "not saved" not in err
    assert not list(home.glob("data/*/documents/*.store"))  # what the next start would offer


def test_no_error_ends_the_conversation(chat) -> None:
    code, out, err = chat("x" * 1_100_000, "select the purple submarine", "dehaze it", "remove the rain")
    assert code == 0
    assert "Traceback" not in out + err
    assert "[version 2: Rain removed" in out


def test_what_was_selected_is_meant_by_here(chat, file, tmp_path) -> None:
    project = tmp_path / "p.clarity"
    chat("select the left half", "remove the rain only here", words=("-o", project))
    document = Document.open_project(tmp_path / "again", project)
    before, after = (document.pixels(v.id).astype(int) for v in document.card().versions)
    document.close(keep=False)
    assert (before[:, 60:] == after[:, 60:]).all()
    assert (before[:, :40] != after[:, :40]).any()


@pytest.mark.parametrize("name", ["there.clarity", "p.png", "missing/p.clarity", ""])
def test_a_project_that_cannot_be_written_is_refused_before_anything_is_done(chat, tmp_path, name: str) -> None:
    (tmp_path / "there.clarity").write_bytes(b"mine")
    code, out, err = chat("remove the rain", words=("-o", tmp_path / name if name else ""))
    assert (code, out) == (2, "")
    assert err
    assert (tmp_path / "there.clarity").read_bytes() == b"mine"


def test_a_photo_that_cannot_be_opened_is_a_sentence(chat, tmp_path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no photo")
    for name in ("broken.jpg", "missing.png", "."):
        code, _, err = chat("remove the rain", photo=tmp_path / name)
        assert code == 2
        assert err


def test_a_project_is_continued(chat, tmp_path) -> None:
    first, second = tmp_path / "first.clarity", tmp_path / "second.clarity"
    chat("remove the rain", words=("-o", first))
    code, out, _ = chat("undo that", words=("-o", second), photo=first)
    assert code == 0
    assert "version 2." in out.splitlines()[0]
    assert "[version 1 is shown]" in out
    assert len(card_of(second, tmp_path).turns) == 4


def test_a_name_that_is_taken_meanwhile_is_not_replaced(chat, tmp_path) -> None:
    code, _, _ = chat("remove the rain", words=("-o", tmp_path / "p.clarity"))
    assert code == 0
    before = (tmp_path / "p.clarity").read_bytes()
    assert chat("remove the rain", words=("-o", tmp_path / "p.clarity"))[0] == 2
    assert (tmp_path / "p.clarity").read_bytes() == before


def test_a_language_model_answers_where_the_settings_say_so(chat, server) -> None:
    server.replies(
        call(("restore", {"task": "derain"}), text="I remove the rain."), say("The rain is gone.\n\x1b[2JReally.")
    )
    code, out, err = chat("do your magic")
    assert code == 0
    assert "small answers" in err
    assert out.count("I remove the rain.") <= 2  # once more where a version came in between
    assert "[version 2: Rain removed" in out
    assert "\x1b" not in out
    assert out.rstrip().endswith("Really.")


def test_no_language_model_is_asked_without_the_setting(chat, server) -> None:
    settings.save(Settings(llm=LlmSettings(False, server.url, "small")))
    assert chat("remove the rain")[0] == 0
    assert server.bodies == []


def test_planted_names_are_shown_as_text(chat, tmp_path, photo) -> None:
    path = tmp_path / "\x1b]0;mine\x07\nremove the rain.png"
    Image.fromarray(photo(60, 40)).save(path)
    code, out, err = chat("what did you do?", photo=path)
    assert code == 0
    assert "\x1b" not in out + err
    assert "[version 2" not in out


def test_ctrl_c_stops_the_step_and_ctrl_d_ends(tmp_path, photo, home) -> None:
    """In a terminal of its own, as a user has it."""
    Image.fromarray(photo(120, 90)).save(tmp_path / "scene.png")
    script = tmp_path / "run.py"
    script.write_text(
        "import sys, time\n"
        "from dataclasses import replace\n"
        "from clarity_desktop import cli\n"
        "from clarity_desktop.backend import methods\n"
        "from clarity_desktop.backend.model_cache import ModelCache\n"
        "from clarity_desktop.backend.studio import Studio\n"
        "from tests.fakes import HALVES, FakeDetector, FakeJudge, FakeScorer\n"
        "def load(*_):\n"
        "    def run(tile, mask, job):\n"
        "        print('RUNNING', file=sys.stderr, flush=True)\n"
        "        while True:\n"
        "            time.sleep(0.01)\n"
        "            job.checkpoint()\n"
        "    return run\n"
        "methods.METHODS.clear()\n"
        "methods.METHODS['halves'] = replace(HALVES, load=load)\n"
        "fakes = {'detector': FakeDetector(), 'scorer': FakeScorer(), 'judge': FakeJudge(), 'models': ModelCache()}\n"
        "sys.exit(cli.main(sys.argv[1:], lambda own: Studio(own, **fakes)))\n"
    )
    ours, theirs = pty.openpty()
    words = [sys.executable, str(script), "chat", str(tmp_path / "scene.png")]
    running = subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=_own_terminal,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    os.close(theirs)
    seen = b""

    def until(mark: bytes) -> None:
        nonlocal seen
        while mark not in seen:
            try:
                read = os.read(ours, 4096)
            except OSError:  # the terminal was closed
                read = b""
            assert read, seen.decode(errors="replace")
            seen += read
        seen = seen.partition(mark)[2]

    until(b"> ")
    os.write(ours, b"remove the rain\n")
    until(b"RUNNING")
    os.write(ours, b"\x03")
    until(b"Cancelled.")
    until(b"> ")
    os.write(ours, b"\x03")  # nothing runs
    until(b"Ctrl+D ends")
    os.write(ours, b"rotate it left\n")
    until(b"[version 2: Rotated]")
    until(b"> ")
    os.write(ours, b"\x04")
    until(b"name a .clarity file")
    os.write(ours, f"{tmp_path / 'kept'}\n".encode())
    until(b"kept.clarity")
    assert running.wait(60) == 0
    os.close(ours)
    assert [v.step.kind for v in card_of(tmp_path / "kept.clarity", tmp_path).versions] == ["open", "rotate"]


def _own_terminal() -> None:
    """Make stdin the controlling terminal, so that Ctrl+C becomes a signal."""
    import fcntl
    import signal
    import termios

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a test run in the background ignores it, and so would its children

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
