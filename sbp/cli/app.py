"""The Typer application: a table of verbs, each in a module of its own that is imported when the verb is asked for."""

from __future__ import annotations

import importlib
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from sbp import __version__


class Verb(NamedTuple):
    """A line of the help, and the function that does it as "module:function" in `sbp.cli`; "" is a group of verbs."""

    help: str
    home: str


VERBS = {
    "train": Verb("Train a network and watch its units being pruned.", "train:train"),
    "runs": Verb("List all runs, newest first; recorded runs last.", "runs:runs"),
    "show": Verb("Show one run: state, results and configuration.", "show:show"),
    "resume": Verb("Resume a stopped, failed or lost run.", "resume:resume"),
    "stop": Verb("Stop a run after its current step.", "runs:stop"),
    "record": Verb("Save a finished run as a recorded run.", "runs:record"),
    "search": Verb("Try configurations, judged by held-out images.", "search:search"),
    "sweep": Verb("Try every threshold of every criterion.", "sweep:sweep"),
    "compact": Verb("Write a run's compact network, and check it.", "export:compact"),
    "export": Verb("Write it as safetensors, ONNX or torch.export.", "export:export"),
    "figure": Verb("Write a figure of a run as SVG or PNG.", "figure:figure"),
    "attribute": Verb("Compute attributions and compare them with SNR.", "attribute:attribute"),
    "reproduce": Verb("Reproduce a table or figure of the paper.", "reproduce:reproduce"),
    "bench": Verb("Measure how fast things are on this machine.", ""),
}
BENCH_VERBS = {
    "compact": Verb("Dense, masked and compact network of a run.", "bench_compact:bench_compact"),
    "math": Verb("Moments, sampler and KL.", "bench_timings:bench_math"),
    "step": Verb("A training step, with and without noise.", "bench_timings:bench_step"),
    "train": Verb("A whole training, with and without noise.", "bench_timings:bench_train"),
    "launch": Verb("A run's overhead: to its first step, and on the disk.", "bench_launch:bench_launch"),
    "runs": Verb("A list of many runs, in the shell and as a page.", "bench_timings:bench_runs"),
    "bucket": Verb("Runs in a bucket: a long list, and one that trains.", "bench_bucket:bench_bucket"),
    "pages": Verb("The app's pages in a headless Chromium.", "bench_timings:bench_pages"),
}
_PLAIN: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None}


class Verbs(TyperGroup):
    """The group of all verbs: its help comes from the table, so that it imports none of their modules."""

    verbs = VERBS

    def list_commands(self, ctx: Any) -> list[str]:
        """The verbs in the order of the table."""
        return list(self.verbs)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb of that name, its module now imported; None where there is none."""
        if cmd_name not in self.verbs:
            return None
        module, _, function = self.verbs[cmd_name].home.partition(":")
        if not module:
            return typer.main.get_command(bench)
        try:
            home = importlib.import_module(f"sbp.cli.{module}")
        except ModuleNotFoundError as error:  # of the extra "app": who trains on a cluster need not have it
            typer.echo(
                f"Error: {cmd_name} needs {error.name}, which is not installed: pip install {error.name}.", err=True
            )
            raise typer.Exit(2) from None
        verb = typer.Typer(**_PLAIN)
        verb.command(cmd_name)(getattr(home, function))
        return typer.main.get_command(verb)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Lists the verbs."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.help) for name, verb in self.verbs.items()])


class BenchVerbs(Verbs):
    """The verbs of `bench`."""

    verbs = BENCH_VERBS


def tell_version(wanted: bool) -> None:
    """Prints the version, and no more."""
    if wanted:
        typer.echo(f"sbp {__version__}")
        raise typer.Exit


_VERSION = typer.Option("--version", callback=tell_version, is_eager=True, help="Print the version.")


def refuse_under_torchrun(context: typer.Context, version: Annotated[bool, _VERSION] = False) -> None:
    """Refuses the verbs that torchrun would only repeat in each process."""
    from sbp.machine.distributed import Ranks  # not needed for the help, which is to be quick

    ranks, verb = Ranks.of_environment(), context.invoked_subcommand
    if ranks.world > 1 and verb not in ("train", "resume"):
        if ranks.rank == 0:
            typer.echo(f"Error: {verb} runs in one process; torchrun is for train and resume.", err=True)
        raise typer.Exit(2)


bench = typer.Typer(cls=BenchVerbs, callback=lambda: None, help=VERBS["bench"].help, no_args_is_help=True, **_PLAIN)
app = typer.Typer(
    cls=Verbs,
    help="Structured Bayesian Pruning: train a network with noise on its units, and prune those without signal.",
    callback=refuse_under_torchrun,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    **_PLAIN,
)
