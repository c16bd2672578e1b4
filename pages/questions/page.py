"""Questions: what readers of the paper ask, each answered by recordings with a figure and two sentences."""

import pandas as pd
import streamlit as st

from pages.shared import frame
from pages.shared.figures import figure
from sbp.experiments.questions import QUESTIONS
from sbp.experiments.questions.question import Answer
from sbp.experiments.results import results_root
from sbp.viz import answers


@st.cache_resource(max_entries=2, show_spinner=False)
def _answers(of: tuple[tuple[str, int], ...]) -> dict[str, Answer]:
    return {name: answer for name, question in QUESTIONS.items() if (answer := question.answered)}


def _show(name: str, answer: Answer, stamp: tuple[tuple[str, int], ...]) -> None:
    drawn, lines = answer.figure, answer.figure.lines or answer.lines
    st.subheader(QUESTIONS[name].title)
    first, second = answer.sentences
    st.markdown(first)
    with st.container(width=answers.PICTURE + 120 if drawn.mark == "map" else "stretch"):
        figure(
            f"{drawn.of} by pixel" if drawn.mark == "map" else drawn.y,
            lambda dark: answers.chart(lines, drawn.mark, drawn.x, drawn.y, drawn.of, second, drawn.log, dark),
            key=f"questions-{name}",
            table=lambda: pd.DataFrame(list(answer.lines)).to_csv(index=False).encode(),
            of=stamp,
        )
    st.caption(f":gray[{answer.stands_on}]")


frame.header("Questions", "What does a reader of the paper ask next?", "unit", "SNR", "bound", "KL", "MACs")
stamp = tuple((path.name, path.stat().st_mtime_ns) for path in sorted(results_root().rglob("*.json")))
found = _answers(stamp)
if not found:
    st.info(
        "No question is answered here: `python -m sbp reproduce questions --record` measures what it can.",
        icon=":material/quiz:",
    )
columns = st.columns(2, gap="large")
for place, (name, answer) in enumerate(found.items()):
    with columns[place % 2]:
        _show(name, answer, stamp)
