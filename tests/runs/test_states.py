"""The table of a run's life, cell by cell, against one typed here by hand."""

from __future__ import annotations

import pytest

from sbp.runs.states import SENTENCES, TRANSITIONS, Event, State, TransitionRefused, advance

# Rows are states, columns events; "." is a refusal.
GRID = """
            start     train    ask_stop  stop     finish    fail    diverge   lose  resume
queued      starting  .        stopping  .        .         failed  .         lost  .
starting    .         running  stopping  .        .         failed  .         lost  .
running     .         .        stopping  .        finished  failed  diverged  lost  .
stopping    .         .        stopping  stopped  finished  failed  diverged  lost  .
finished    .         .        .         .        .         .       .         .     .
stopped     .         .        .         .        .         .       .         .     queued
failed      .         .        .         .        .         .       .         .     queued
diverged    .         .        .         .        .         .       .         .     .
lost        .         .        .         .        .         .       .         .     queued
"""
_HEAD, *_ROWS = [line.split() for line in GRID.strip().splitlines()]
CELLS = [(row[0], event, following) for row in _ROWS for event, following in zip(_HEAD, row[1:], strict=True)]


@pytest.mark.parametrize(("state", "event", "following"), CELLS, ids=lambda value: value)
def test_every_cell(state: str, event: str, following: str) -> None:
    if following != ".":
        assert advance(State(state), Event(event)) is State(following)
        return
    with pytest.raises(TransitionRefused) as refused:
        advance(State(state), Event(event))
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert len(sentence) > 30


def test_the_grid_above_names_every_state_and_every_event() -> None:
    assert {cell[0] for cell in CELLS} == set(State) == set(TRANSITIONS) == set(SENTENCES)
    assert {cell[1] for cell in CELLS} == set(Event)
    assert len(CELLS) == len(State) * len(Event)


def test_a_run_that_has_ended_badly_says_what_to_do_instead_of_resuming() -> None:
    with pytest.raises(TransitionRefused, match="start a new one with a smaller noise_lr"):
        advance(State.DIVERGED, Event.RESUME)
    with pytest.raises(TransitionRefused, match="more epochs"):
        advance(State.FINISHED, Event.RESUME)
    with pytest.raises(TransitionRefused, match=r"queued, starting or running .* is stopped"):
        advance(State.STOPPED, Event.ASK_STOP)


def test_active_states_are_those_that_can_be_lost() -> None:
    assert {state for state in State if state.active} == {s for s in State if Event.LOSE in TRANSITIONS[s]}


def test_every_state_can_be_reached_from_queued() -> None:
    reached, edge = {State.QUEUED}, [State.QUEUED]
    while edge:
        new = set(TRANSITIONS[edge.pop()].values()) - reached
        reached |= new
        edge += new
    assert reached == set(State)
