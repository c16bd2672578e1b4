"""Errors as one sentence on stderr: exit code 2 for bad input, 1 for a failure; no traceback."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from sbp.experiments.planned import UnknownExperiment
from sbp.experiments.results import NoResults
from sbp.export.formats import Disagreement, ExportError
from sbp.runs.names import BadRequest
from sbp.runs.roots import runs_root
from sbp.runs.store import RunView, UnknownRun
from sbp.spec import NOISE_METHODS, ConfigError

P = ParamSpec("P")
R = TypeVar("R")

BAD_INPUT, WENT_WRONG, INTERRUPTED = 2, 1, 130


class BadInput(ValueError):
    """What was typed is not valid; the message says what is expected."""


class Failed(RuntimeError):
    """What was asked was tried and did not come out as it must; the message says what is known."""


def user_errors(verb: Callable[P, R]) -> Callable[P, R]:
    """Wraps a verb so that an exception becomes a sentence and an exit code; SBP_DEBUG=1 lets it through."""

    @functools.wraps(verb)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            if os.path.lexists(root := runs_root()) and not root.is_dir():
                raise BadInput(f"SBP_RUNS: expected a folder for runs, got {root}, which is none; name another.")
            return verb(*args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except (Failed, Disagreement) as error:
            raise _exit(str(error), WENT_WRONG) from None
        except (BadInput, ConfigError, BadRequest, ExportError, NoResults, UnknownExperiment, UnknownRun) as error:
            raise _exit(str(error), BAD_INPUT) from None
        except BrokenPipeError:
            # The reader of the pipe has ended (runs | head).
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(WENT_WRONG) from None
        except Exception as error:
            if os.environ.get("SBP_DEBUG"):
                raise
            kind = "" if isinstance(error, OSError) else f"{type(error).__name__}: "
            raise _exit(f"{kind}{error} (SBP_DEBUG=1 shows the traceback.)", WENT_WRONG) from None

    return wrapped


def needs_noise(view: RunView) -> None:
    """Raises `BadRequest` for a run whose units have no mu and no log sigma."""
    if not view.config.has_noise:
        raise BadRequest(
            f"{view.id} was trained with {view.config.method.name}, which learns no noise, so its units have no SNR; "
            f"expected a run of {', '.join(NOISE_METHODS)}."
        )


def _exit(sentence: str, code: int) -> typer.Exit:
    typer.echo(f"Error: {sentence}", err=True)
    return typer.Exit(code)
