"""The tour and the glossary: every card opens what it promises, every term is explained where it is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from pages.shared import frame, state, tour
from sbp.runs.view import RunView
from tests.pages.opened import healthy, opened, texts

ROOT = Path(__file__).parents[2]
PAGES = sorted(ROOT.glob("pages/*/page.py"))


def test_eight_cards_on_eight_pages_begin_with_the_story() -> None:
    assert len(tour.CARDS) == len({card.page for card in tour.CARDS}) == 8
    assert tour.CARDS[0].page == "story"


@pytest.mark.parametrize("card", tour.CARDS, ids=lambda card: card.page)
def test_a_card_names_a_state_that_its_page_knows(card: tour.Card) -> None:
    known = state.fields(card.page.replace("_", "-"))
    for name, value in card.view.items():
        known[name].read(str(value))
    if "run" in card.view:
        run = RunView(ROOT / "assets" / "runs" / str(card.view["run"]), True)
        assert not run.problem
        assert card.view.get("layer") in (None, *(layer.name for layer in run.layers))


@pytest.mark.parametrize("number", [1, 4, 8])
def test_a_card_leads_on_and_back_and_can_be_left(recorded: str, number: int) -> None:
    at = healthy(opened(tour.CARDS[number - 1].page, tour=str(number)))
    assert f"**{tour.CARDS[number - 1].title}**" in texts(at)
    links = {link.proto.label: link.proto for link in at.get("page_link")}
    assert ("Back" in links, "Next" in links) == (number > 1, number < 8)
    if number < 8:
        card = tour.CARDS[number]
        assert links["Next"].page == card.page.replace("_", "-")
        assert f"tour={number + 1}" in links["Next"].query_string
    at.button(key="tour-leave").click().run()
    assert "tour" not in at.query_params
    assert tour.CARDS[number - 1].title not in texts(healthy(at))


def test_a_link_that_names_no_card_says_so(recorded: str) -> None:
    at = healthy(opened("story", tour="9"))
    assert any("tour" in warning.value and "from 1 to 8" in warning.value for warning in at.warning)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.parent.name)
def test_a_page_explains_its_terms_in_a_sentence_each(recorded: str, path: Path) -> None:
    said = texts(healthy(opened(path.parent.name)))
    named = [term for term in frame.GLOSSARY if f"**{term}** " in said]
    assert bool(named) == (path.parent.name != "talk")
    assert all(frame.GLOSSARY[term] in said for term in named)


def test_every_term_is_used_and_is_one_sentence() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    for term, sentence in frame.GLOSSARY.items():
        assert f'"{term}"' in pages, term
        assert sentence.endswith(".")
        assert sentence.count(". ") == 0
