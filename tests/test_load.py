"""The load test measures: each session gets one picture after the other, and an exception is counted as an error."""

from __future__ import annotations

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.load import Session, main, measure


@pytest.mark.slow
def test_sessions_get_pictures_of_a_live_run() -> None:
    seen = measure(2, 0.4)
    assert [one.errors for one in seen] == [[], []]
    assert all(len(one.pictures) > 1 for one in seen)


@pytest.mark.parametrize(
    "words", [["--sessions", "0"], ["--sessions", "1000"], ["--minutes", "1000"], ["--epochs", "0"]]
)
def test_it_is_bounded(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)


def test_an_exception_on_the_page_is_an_error() -> None:
    message = ForwardMsg()
    message.delta.new_element.exception.message = "it broke"
    one = Session("run")
    one.hear(message)
    assert one.errors == ["it broke"]
