"""Lets the site show a docstring's bare doctest as code: Markdown would take its >>> for a quotation."""

import re
from typing import Any

import griffe

# From a line that starts with >>> up to the next empty line.
DOCTEST = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)


class Doctests(griffe.Extension):
    """Fences every doctest that stands outside a section."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for each function, class and module as it is read."""
        if obj.docstring:
            obj.docstring.value = DOCTEST.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)
