"""Page Talk: the decks that ship are sound, a wrong link is said, the link holds the slide."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import streamlit as st

from pages.talk import component, deck
from tests.pages.opened import healthy, opened, texts

PAGE = "talk"
PAGES = Path(deck.__file__).parents[1]


@pytest.mark.parametrize("name", deck.names())
def test_every_slide_leads_to_a_page_that_understands_it(name: str) -> None:
    for slide in deck.read(name).slides:
        for view in (slide, *([slide.recorded] if slide.recorded else [])):
            assert (PAGES / view.page / "page.py").is_file()
            assert not view.wrong()
        assert slide.note
        assert slide.source != "live" or slide.recorded, "what is live has a recording behind it"


@pytest.mark.parametrize("name", deck.names())
def test_the_runs_of_a_deck_ship_with_the_app(name: str) -> None:
    shipped = {path.name for path in (PAGES.parent / "assets" / "runs").iterdir()}
    views = [view for slide in deck.read(name).slides for view in (slide, slide.recorded) if view]
    assert {view.view["run"] for view in views if "run" in view.view} <= shipped


def test_the_page_names_the_talks_and_starts_one() -> None:
    at = healthy(opened(PAGE))
    said = texts(at)
    for name in deck.names():
        assert deck.read(name).title in said
    at = healthy(at.button(key="talk-start-paper").click().run())
    assert at.query_params["deck"] == "paper"


@pytest.mark.parametrize("link", [{"deck": "nope"}, {"deck": "../talks/paper"}, {"slide": "0"}, {"slide": "x"}])
def test_a_wrong_link_is_said(link: dict[str, str]) -> None:
    (warning,) = healthy(opened(PAGE, **link)).warning
    assert next(iter(link.values()))[:5] in warning.value


@pytest.mark.parametrize("changes", [{"minutes": 0}, {"slides": []}, {"more": 1}, {"slides": [{"page": "gate"}]}])
def test_a_file_that_is_no_deck_is_refused_with_its_field(
    changes: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = json.loads((deck.FOLDER / "one-gate.json").read_text(encoding="utf-8"))
    (tmp_path / "mine.json").write_text(json.dumps({**whole, **changes}), encoding="utf-8")
    monkeypatch.setattr(deck, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=next(iter(changes))):
        deck.read("mine")


def test_the_deck_in_the_docs_is_one() -> None:
    text = (PAGES.parent / "docs" / "talks.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    (slide,) = deck.Deck.model_validate_json(example).slides
    assert not slide.wrong()


@pytest.mark.parametrize("text", ["{", "[]", '{"title": "**x**", "minutes": 1, "slides": [{"page": "gate"}]}'])
def test_one_bad_file_leaves_the_other_talks(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one-gate.json").write_bytes((deck.FOLDER / "one-gate.json").read_bytes())
    (tmp_path / "bad.json").write_text(text, encoding="utf-8")
    monkeypatch.setattr(deck, "FOLDER", tmp_path)
    at = opened(PAGE, deck="bad")
    assert not at.exception
    assert "bad.json" in at.error[0].value
    assert len(at.button) == 1


def test_a_slide_that_its_page_would_not_understand_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = json.loads((deck.FOLDER / "one-gate.json").read_text(encoding="utf-8"))
    whole["slides"][1]["view"]["mu"] = 99
    (tmp_path / "mine.json").write_text(json.dumps(whole), encoding="utf-8")
    monkeypatch.setattr(deck, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="mu = 99"):
        deck.read("mine")


def test_what_a_page_would_not_understand_is_named() -> None:
    wrong = deck.View(page="gate", view={"mu": 99, "nu": 1}).wrong()
    assert len(wrong) == 2
    assert "mu = 99" in wrong[0]


def test_a_code_opens_the_same_figure_at_the_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"browser.serverAddress": "10.0.0.7", "browser.serverPort": 8600, "server.baseUrlPath": "sbp"}
    monkeypatch.setattr(st, "get_option", options.get)
    assert component.public_address() == "http://10.0.0.7:8600/sbp/"
    slide = deck.read("one-gate").slides[-1]
    told = component._slide(slide, component.public_address())
    link = urlsplit(told["link"])
    assert link.path == "/sbp/gate"
    assert parse_qs(link.query) == {name: [str(value)] for name, value in slide.view.items()}
    assert told["code"].startswith("<svg")


def test_on_this_machine_alone_there_is_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "get_option", {"browser.serverAddress": "localhost"}.get)
    assert component.public_address() == ""
    assert not component._slide(deck.read("one-gate").slides[0], "")["code"]
