"""Hostile links: a page says what is wrong and shows something else; nothing of a link is Markdown or markup."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from pages.router import PAGES
from pages.shared.state import FIELDS
from tests.faults.live import LIVE, live, said
from tests.faults.torture import bounded, times
from tests.made_up import write_run
from tests.pages.opened import healthy, opened

STRANGE = (
    *("", " ", "\0", "\n# evil", "\u202eevil", "ü" * 300, "x" * 5000, "../../etc/passwd", "%00", "a&b=c"),
    *("nan", "inf", "-inf", "1e400", "-1", "0", "99999999999999999999", "9" * 5000, "1_000", "٣", "0x10", "True"),
    *("None", "{}", "[]", "-784", "+1,-2", "0-0-0", "zzzz", "00zz-", "density", "latest", "good"),
)


@pytest.mark.parametrize("part", range(times(1, 4)))
def test_a_link_is_answered_and_stays_text(part: int, runs_root: Path) -> None:
    run = write_run(runs_root, epochs=3)
    chance, ended = random.Random(part), Counter[str]()
    with bounded(times(120, 1800)):
        for number in range(times(30, 250)):
            page = list(PAGES)[number % len(PAGES)]
            own = [field.name for field in FIELDS if field.page == page.replace("_", "-")]
            link = {
                name: chance.choice(LIVE if chance.random() < 0.5 else STRANGE) for name in own if chance.random() < 0.7
            }
            if "run" in own and chance.random() < 0.5:
                link["run"] = run.id
            link[chance.choice(("x", "run", "layer", "__proto__", "embed"))] = chance.choice((*LIVE, *STRANGE))
            at = healthy(opened(page, **link))
            for text in said(at):
                assert not live(text), (page, link, text)
            ended["a notice" if at.warning or at.error else "the page as it is without a link"] += 1
    print(dict(ended))
