"""The life of a run as a truth table: nine states, nine events, and every transition that is allowed."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a run is in its life; the value is what the store writes and what people read."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    DIVERGED = "diverged"
    LOST = "lost"

    @property
    def active(self) -> bool:
        """True while a worker should be alive; an active run whose worker is not is lost."""
        return self in ACTIVE

    @property
    def sentence(self) -> str:
        """What the state means, for a reader who sees it for the first time."""
        return SENTENCES[self]


class Event(StrEnum):
    """What can happen to a run."""

    START = "start"  # its device has room for it
    TRAIN = "train"  # data and network are ready
    ASK_STOP = "ask_stop"  # somebody wants it to end
    STOP = "stop"  # it has ended as asked
    FINISH = "finish"  # its last epoch is over
    FAIL = "fail"  # an error ended it
    DIVERGE = "diverge"  # a number became NaN or infinite
    LOSE = "lose"  # its worker ended without saying why
    RESUME = "resume"  # it is to be continued


class TransitionRefused(ValueError):
    """An event that a run's state does not allow; the message says what does."""


ACTIVE = frozenset({State.QUEUED, State.STARTING, State.RUNNING, State.STOPPING})

SENTENCES: dict[State, str] = {
    State.QUEUED: "Waiting for its device.",
    State.STARTING: "Loading data and building the network.",
    State.RUNNING: "Training.",
    State.STOPPING: "Stopping at its next step, with a checkpoint.",
    State.FINISHED: "Trained to its last epoch.",
    State.STOPPED: "Stopped; can be resumed.",
    State.FAILED: "Ended with an error; can be resumed once the cause is fixed.",
    State.DIVERGED: "A number became NaN or infinite; the last good epoch was kept.",
    State.LOST: "Its worker ended without a message; can be resumed from its last checkpoint.",
}

# A blank cell is a refusal. `lose` leads to lost from every active state and is never written by the worker:
# readers derive it from an active status whose lock nobody holds.
_ENDS_EARLY = {Event.ASK_STOP: State.STOPPING, Event.FAIL: State.FAILED, Event.LOSE: State.LOST}
_ENDS = {**_ENDS_EARLY, Event.FINISH: State.FINISHED, Event.DIVERGE: State.DIVERGED}
TRANSITIONS: dict[State, dict[Event, State]] = {
    State.QUEUED: {Event.START: State.STARTING, **_ENDS_EARLY},
    State.STARTING: {Event.TRAIN: State.RUNNING, **_ENDS_EARLY},
    State.RUNNING: _ENDS,
    # Asking twice is asking once; and the last step may have been under way, or have gone wrong.
    State.STOPPING: {Event.STOP: State.STOPPED, **_ENDS},
    State.FINISHED: {},
    State.STOPPED: {Event.RESUME: State.QUEUED},
    State.FAILED: {Event.RESUME: State.QUEUED},
    # Going on from the same numbers diverges the same way: what helps is a new run with other values.
    State.DIVERGED: {},
    State.LOST: {Event.RESUME: State.QUEUED},
}

_REFUSALS: dict[tuple[State, Event], str] = {
    (State.FINISHED, Event.RESUME): "This run is finished; to train longer, start one with more epochs.",
    (State.DIVERGED, Event.RESUME): (
        "This run diverged and would diverge again from the same numbers; "
        "start a new one with a smaller noise_lr or lr."
    ),
}


def advance(state: State, event: Event) -> State:
    """The state that follows `state` after `event`; raises `TransitionRefused` where none does.

    >>> advance(State.RUNNING, Event.ASK_STOP).value
    'stopping'
    >>> advance(State.FINISHED, Event.RESUME)
    Traceback (most recent call last):
    sbp.runs.states.TransitionRefused: This run is finished; to train longer, start one with more epochs.
    """
    state, event = State(state), Event(event)
    following = TRANSITIONS[state].get(event)
    if following is None:
        raise TransitionRefused(_REFUSALS.get((state, event)) or _refusal(state, event))
    return following


def _refusal(state: State, event: Event) -> str:
    if event is Event.RESUME:
        return f"Only a stopped, failed or lost run can be resumed, and this one is {state}."
    if event is Event.ASK_STOP:
        return f"Only a run that is queued, starting or running can be stopped, and this one is {state}."
    allowed = [str(known) for known in State if event in TRANSITIONS[known]]
    return f"The event {event} belongs to a run that is {' or '.join(allowed)}, and this one is {state}."
