"""Decks of page Talk: one idea a slide, each a page of the app in a state of its own. They lie in assets/talks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pages.shared import state

FOLDER = Path(__file__).parents[2] / "assets" / "talks"


class View(BaseModel):
    """A page of the app and what its link says.

    page: its folder's name. view: the parameters of its link. show: the keys of the parts that a slide has, of those
    that lie one below the other on the page; none: all of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    page: str
    view: dict[str, str | int | float] = {}
    show: list[str] = []

    def link(self, **more: str) -> str:
        """The page's link, relative to that of page Talk.

        >>> View(page="random_labels", view={"epoch": 3}).link(embed="true")
        './random-labels?epoch=3&embed=true'
        """
        address = "" if self.page == "story" else self.page.replace("_", "-")
        query = urlencode({**self.view, **more})
        return f"./{address}" + (f"?{query}" if query else "")

    def wrong(self) -> list[str]:
        """What the page would not understand of it."""
        said, known = [], state.fields(self.page.replace("_", "-"))
        for name, value in self.view.items():
            if name not in known:
                said.append(f"{self.page} has no {name}")
                continue
            try:
                known[name].read(str(value))
            except ValueError as error:
                said.append(f"{self.page}: {name} = {value}; expected {error}")
        return said


class Slide(View):
    """A view with its words.

    height: pixels that what is shown has on a page; on a slide it fills the screen. 430 of them stand at twice their
    size on a projector of 1920 x 1080, where words are then 24 px or more. question: asked before the page is shown.
    source: where the figure comes from, which the slide says; `recorded` is what stands in for one that is live.
    """

    title: str
    sentence: str
    note: str = ""
    height: int = Field(430, ge=200, le=2000)
    question: str = ""
    source: Literal["recorded", "computed", "live"] = "recorded"
    recorded: View | None = None


class Deck(BaseModel):
    """Slides in their order; minutes: how long they take to say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    minutes: int = Field(ge=1)
    slides: list[Slide] = Field(min_length=1)


def names() -> list[str]:
    """The decks that there are, by name."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read(name: str) -> Deck:
    """A deck by its name.

    Raises:
        ValueError: its file is no deck; the message says where.
    """
    try:
        deck = Deck.model_validate_json((FOLDER / f"{name}.json").read_bytes())
    except ValidationError as error:
        first: Any = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{name}.json: {where}: {first['msg']}") from None
    views = [view for slide in deck.slides for view in (slide, slide.recorded) if view is not None]
    if wrong := [said for view in views for said in view.wrong()]:
        raise ValueError(f"{name}.json: {wrong[0]}")
    return deck
