"""Runs the command line: python -m sbp."""

import codecs
import sys
import unicodedata

# Typography that ASCII has a spelling for; accents are taken off letters, and anything else becomes "?".
ASCII = {"–": "-", "—": "-", "−": "-", "→": "->", "×": "x", "±": "+-", "…": "...", "·": "-", "’": "'"}


def spelled(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that a terminal or file cannot encode."""
    assert isinstance(error, UnicodeEncodeError)
    text = "".join(ASCII.get(c, unicodedata.normalize("NFKD", c)) for c in error.object[error.start : error.end])
    return text.encode("ascii", "ignore").decode() or "?", error.end


if __name__ == "__main__":
    codecs.register_error("spelled", spelled)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="spelled")  # type: ignore[union-attr]
    try:
        from sbp.cli import app

        app(prog_name="python -m sbp")
    except KeyboardInterrupt:  # while modules are still imported
        raise SystemExit(130) from None
