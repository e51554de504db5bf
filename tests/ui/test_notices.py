"""Notices by themselves: how long they stay and which go when there are too many."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPointF
from PySide6.QtGui import QEnterEvent, QFocusEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from clarity_desktop.ui.notices import Bar, Notices


@pytest.fixture
def notices(qtbot) -> Notices:
    area = QWidget()
    qtbot.addWidget(area)
    QLineEdit(area).setFocus()  # else Qt gives the focus to the first button that appears
    area.resize(700, 400)
    area.show()
    qtbot.waitExposed(area)
    return Notices(area)


def texts(notices: Notices) -> list[str]:
    return [bar.text for bar in notices.bars()]


def test_errors_and_questions_outlast_what_closes_itself(notices: Notices):
    notices.add("an error", "error")
    notices.add("a question", "offer", (("Yes", lambda: None),))
    for text in ("one", "two", "three"):
        notices.add(text, seconds=60)
    assert texts(notices) == ["an error", "a question", "three"]


def test_a_notice_waits_while_it_is_read(notices: Notices):
    bar: Bar = notices.add("read me", choices=(("Open", lambda: None),), seconds=60)
    QApplication.sendEvent(bar, QEvent(QEvent.Type.Leave))  # the pointer may rest there
    assert bar._clock.isActive()
    middle = QPointF(5, 5)
    QApplication.sendEvent(bar, QEnterEvent(middle, middle, middle))
    assert not bar._clock.isActive()
    QApplication.sendEvent(bar, QEvent(QEvent.Type.Leave))
    assert bar._clock.isActive()
    QApplication.sendEvent(bar.buttons[0], QFocusEvent(QEvent.Type.FocusIn))
    assert not bar._clock.isActive()
    QApplication.sendEvent(bar.buttons[0], QFocusEvent(QEvent.Type.FocusOut))
    assert bar._clock.isActive()


def test_an_error_stays_until_it_is_closed(notices: Notices):
    bar = notices.add("an error", "error")
    assert not bar._clock.isActive()
    QApplication.sendEvent(bar, QEvent(QEvent.Type.Leave))
    assert not bar._clock.isActive()


def test_a_newer_notice_of_a_topic_replaces_the_older_one(notices: Notices):
    photo, other = object(), object()
    notices.show_document(photo)
    notices.add("no car", "error", document=photo, topic="select")
    notices.add("the disk is full", "error", document=photo)
    notices.add("no dog", "error", document=other, topic="select")
    notices.add("no cat", "error", document=photo, topic="select")
    assert texts(notices) == ["the disk is full", "no cat"]
    notices.remove_topic("select", photo)
    assert texts(notices) == ["the disk is full"]
    notices.show_document(other)
    assert texts(notices) == ["no dog"]
