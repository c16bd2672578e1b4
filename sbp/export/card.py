"""The model card: what lies beside an exported network so that its numbers can be believed. Text in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sbp import __version__
from sbp.export.formats import Format
from sbp.runs.states import State
from sbp.runs.view import RunView
from sbp.spec.images import IMAGES, Images
from sbp.spec.markdown import md
from sbp.spec.networks import SPECS
from sbp.viz.labels import DATASET, bound_text, duration, units_of, widths


def model_card(
    view: RunView, figures: Mapping[str, Any], own: bool, format: Format, file: str, lines: Sequence[str]
) -> str:
    """The card of the file called `file`, cut from this run, as Markdown.

    figures: what `Cut.figures` gives. own: whether the cut is the one that the run's results speak of. lines: what a
    reader pastes. A number that the run does not record is not made up: the card says what is known.
    """
    run, data = view.summary(), DATASET[view.config.data.dataset]
    parts = (
        f"# {SPECS[view.config.network.name].title} for {data}, compact",
        _about(view, figures, format),
        "## Before and after",
        _table(view, run, figures, own),
        _error_note(view, run, own),
        "## Training",
        _training(view, run),
        f"## The same logits in {len(lines)} lines",
        " ".join(
            [
                f"With `pip install {' '.join(format.packages)}`{_ours(lines)} and `{file}` in the working folder.",
                *filter(None, [format.note]),
            ]
        ),
        "\n".join(("```python", *lines, "```")),
        "## Config",
        f"```json\n{view.config.to_json()}\n```",
        "## Licence",
        f"The numbers in the file were learned from {data} by the author of the run, who decides how they may be used; "
        "the data keep their own terms. sbp, which wrote this card, is under the MIT licence.",
    )
    return "\n\n".join(parts) + "\n"


def _ours(lines: Sequence[str]) -> str:
    """What stands beside the packages where the lines read the file with this project's own class."""
    return ", this project (`sbp`) beside them," if any(line.startswith("from sbp ") for line in lines) else ""


def _about(view: RunView, figures: Mapping[str, Any], format: Format) -> str:
    about = IMAGES[view.config.data.dataset]
    method = (
        "after Structured Bayesian Pruning (Neklyudov et al., NeurIPS 2017)"
        if view.config.has_noise
        else f"trained with method `{view.config.method.name}`"
    )
    what = (
        f"This is {format.title}: the network of run `{view.id}` {method}, with the removed units cut out "
        f"({figures['choice']}). It takes images [n, {', '.join(str(side) for side in about.shape)}], "
        f"{_intensities(about)}, and gives logits [n, 10]; nothing in it is random."
    )
    if 0 in figures["widths"]:
        what += " Nothing was left in some layer, so it is the constant predictor: the same logits for every image."
    return what


def _intensities(about: Images) -> str:
    if not about.mean:
        return "intensities in [0, 1] with 0 for the background"
    mean, deviation = (", ".join(f"{value:g}" for value in values) for values in (about.mean, about.deviation))
    return f"intensities in [0, 1] less {mean} over {deviation} by channel (red, green, blue)"


def _table(view: RunView, run: Mapping[str, Any], figures: Mapping[str, Any], own: bool) -> str:
    rows = [("", "before", "after")]
    for layer, kept in zip(view.layers, figures["kept"], strict=True):
        rows.append((f"kept {units_of(layer)} of `{layer.name}`", f"{layer.units:,}", f"{kept:,}"))
    for title, key in (("parameters", "params"), ("MACs per image", "macs")):
        before, after = figures[f"{key}_dense"], figures[key]
        fewer = f" ({before / after:.2f}x fewer)" if after else ""
        rows.append((title, f"{before:,}", f"{after:,}{fewer}"))
    rows.append(("error", _dense_error(view, run), _error(run, own)))
    header, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join((header, "|---|---:|---:|", *body))


def _dense_error(view: RunView, run: Mapping[str, Any]) -> str:
    """What the run recorded of the network before any noise: its last epoch of pretraining."""
    dense = [record for record in view.records() if record.phase == "pretrain"]
    if not dense or dense[-1].validation_error_percent is None:
        return "not recorded"
    return f"{dense[-1].validation_error_percent:.2f} % of held-out training images"


def _error(run: Mapping[str, Any], own: bool) -> str:
    if not own or run["test_error_percent"] is None:
        return "not measured"
    n = f"{run['n_test']:,}" if run["n_test"] else "the"
    return f"{run['test_error_percent']:.2f} % of {n} test images"


def _error_note(view: RunView, run: Mapping[str, Any], own: bool) -> str:
    if view.config.schedule.pretrain_epochs:
        before = "Before: after the pretraining, when there was no noise yet."
    elif view.config.has_noise:
        before = "Before: the noise was on from the first step, so there never was a dense network without it."
    else:
        before = f"Before: {view.config.method.name} was at work from the first step."
    if run["test_error_percent"] is None:
        after = "After: no test error is recorded; the test set is read when a run finishes."
    elif own:
        after = (
            "After: of the masked network (zeros in place), read once, at the end of the run. The compact network "
            "computes the same up to rounding."
        )
    else:
        cut = "SNR >= 1" if view.config.has_noise else f"{view.config.method.name}'s own choice"
        after = (
            f"After: the run's test error, {run['test_error_percent']:.2f} %, is that of the cut at {cut}, which "
            f"keeps {widths(run['kept'])}; it does not hold for this cut."
        )
    return f"{before} {after} One seed: another one gives other numbers."


def _training(view: RunView, run: Mapping[str, Any]) -> str:
    config = view.config
    # Where the files lay on the machine that trained is nobody else's business.
    source = str(view.meta.get("data_source") or DATASET[config.data.dataset]).partition(", read from ")[0]
    n = f", trained on {run['n_train']:,} images" if run["n_train"] else ""
    share = config.data.random_share
    labels = f"; {100 * share:g} % of the training labels were replaced by random ones" if share else ""
    if share == 1:
        labels = "; every training label was replaced by a random one"
    pretrained = f" after {config.schedule.pretrain_epochs} of pretraining" if config.schedule.pretrain_epochs else ""
    with_noise = " with the noise on" if config.has_noise else ""
    bound = f"Bound: {bound_text(run)}; method" if config.has_noise else "Method"
    versions = [f"sbp {__version__} (this card)"]
    versions += [f"{name} {version}" for name, version in (run["versions"] or {}).items()]
    state = "" if view.state is State.FINISHED else f", the run is {view.state}"
    items = [
        f"Data: {md(source.rstrip('.'))}{n}{labels}.",
        f"Seed {config.seed}; {run['epochs_done']} of {config.schedule.epochs} epochs{with_noise}{pretrained}{state}.",
        f"{bound} `{config.method.name}`, preset {md(config.preset)}.",
        f"Hardware: {md(run['hardware'] or run['device'] or 'not recorded')}; {duration(run['seconds'])}.",
        f"Versions: {md(', '.join(versions))}{'; commit ' + md(str(run['commit'])) if run['commit'] else ''}.",
    ]
    return "\n".join(f"- {item}" for item in items)
