"""Runs the command line: python -m sbp."""

from sbp.cli import app

if __name__ == "__main__":
    app(prog_name="python -m sbp")
