"""One run on the train page, in whatever state it is: its curves while it trains, what it gets wrong, what came out.

Everything follows from the run's row, its points and its epochs; nothing is remembered between two draws. While a run
is active, a part of the page looks again each second; what stays as it is meanwhile stands around it.
"""

from typing import NamedTuple

import streamlit as st

from mnist_core.errors import RunNotFound
from mnist_core.jobs import Standing
from mnist_core.runs import RunRecord, RunState, Wish
from pages.ui.format import count, duration, percent, plain, state_badge
from pages.ui.guard import guarded
from pages.ui.owner import current_owner
from pages.ui.services import services
from pages.ui.train.live import Feed, Look, feed
from pages.ui.train.live_curves import draw_curves, draw_empty_curves
from pages.ui.train.most_wrong import draw_most_wrong
from pages.ui.train.run_end import draw_end

__all__ = ["draw_invitation", "draw_run", "phase_sentence"]

FIRST_POINT_SECONDS = 0.25
LIVE_SECONDS = 1.0
EMPTY_LINE = "&nbsp;"
INVITATION = "Press **Train**: the curves grow here while it learns, with the ten images that it is most wrong about."
INVITATION_SPACE = 32
"""Pixels that make up for the progress bar and the line below it, so that the charts stay where they are."""
READ_CURVES = (
    "Training: means over steps, while it learns. Validation: images held back, after each epoch; the large dot is the"
    " best. Where the lines part, it learns its training images by heart. The first steps may lie outside."
)
RESUMED = "Its worker ended; it goes on from its last committed epoch, {epoch}, as if nothing had happened."
SAME = (
    ":material/content_copy: The same as {name}: equal settings, data and seed give equal numbers, so it is trained"
    " once. Change the seed for numbers of its own."
)
PHASES = {
    "warming up": "The worker is starting; this takes some seconds, once.",
    "compiling": "Compiling the network for this machine; the first points come in a moment.",
    "training": "Training.",
    "stopping": "Stopping; what is learnt until the last epoch is kept.",
    "finished": "",
}


class _Frame(NamedTuple):
    """What the page around the part that looks again follows from."""

    every: float | None
    name: str
    state: RunState
    wish: Wish | None


def draw_invitation() -> None:
    """Draws what stands in the place of a run before anything is trained, as high as a run that waits."""
    st.subheader("Nothing is trained yet", anchor=False)
    st.markdown(INVITATION)
    st.space(INVITATION_SPACE)
    draw_empty_curves()
    st.caption(READ_CURVES)


def draw_run(record: RunRecord) -> None:
    """Draws a run, and goes on drawing it while it is active."""
    source = feed(record.id)
    look, standing = _looked(source)
    _title(look)
    if same := _same_as(record):
        st.caption(same)
    frame = _frame(look, standing)
    st.fragment(_panel, run_every=frame.every)(source, frame, [(look, standing)])


@guarded
def _panel(source: Feed, frame: _Frame, at_hand: list[tuple[Look, Standing]]) -> None:
    """One look; where the run wants another frame, or another pace, the page starts anew."""
    try:
        look, standing = at_hand.pop() if at_hand else _looked(source)
    except RunNotFound:  # deleted meanwhile, by another browser; the page says so
        st.rerun()
    if _frame(look, standing) != frame:
        st.rerun()
    if look.record.state.is_active:
        _progress(look, standing)
        st.markdown(_now_and_best(look))
    else:
        draw_end(look)
        if not look.has_begun:
            return
    draw_curves(look)
    st.caption(READ_CURVES)
    draw_most_wrong(look)


def _looked(source: Feed) -> tuple[Look, Standing]:
    look = source.look()
    return look, _standing(look)


def _standing(look: Look) -> Standing:
    """Where it stands; what is known from the look itself is not asked for again."""
    record = look.record
    if look.has_begun and record.state is RunState.RUNNING and not record.wish and record.attempt == 1:
        return Standing("training")
    return services().jobs.standing(record)


def _same_as(record: RunRecord) -> str:
    """What is said of a run that shows the records of another; empty for all others."""
    if record.source is None:
        return ""
    try:
        return SAME.format(name=f"**{plain(services().lab.archive.store.run(record.source).name)}**")
    except RunNotFound:  # deleted, and still shown by those who follow it
        return SAME.format(name="another run")


def _frame(look: Look, standing: Standing) -> _Frame:
    record = look.record
    return _Frame(_seconds_between(look, standing), record.name, record.state, record.wish)


def _seconds_between(look: Look, standing: Standing) -> float | None:
    """How often to look: often before the first point, never again after the end."""
    if look.record.state.is_finished:
        return None
    if look.has_begun:
        return LIVE_SECONDS
    is_next = look.record.state is RunState.RUNNING or (standing.position or 1) == 1
    return FIRST_POINT_SECONDS if is_next else LIVE_SECONDS


def _title(look: Look) -> None:
    record = look.record
    dataset = look.spec.dataset.name
    shown = dataset if len(dataset) < 20 else f"own data {dataset[:8]}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(plain(record.name), anchor=False, width="content")
        st.markdown(state_badge(record), width="content")
        st.markdown(f":gray[{plain(look.spec.network.preset or 'own layers')} on {plain(shown)}]", width="content")


def _progress(look: Look, standing: Standing) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(look.done / look.spec.training.epochs, 1.0), text=phase_sentence(look, standing))
        _stop_button(look.record)
    if look.record.attempt > 1 or (look.record.state is RunState.QUEUED and look.record.attempt > 0):
        st.caption(f":material/restart_alt: {RESUMED.format(epoch=count(look.record.epoch or 0))}")


def phase_sentence(look: Look, standing: Standing) -> str:
    """Where an active run stands, as a line over the progress bar."""
    if standing.phase == "queued":
        starts = f", starts in about {duration(standing.starts_in)}" if standing.starts_in else ""
        return f"Number {standing.position or 1} in the queue{starts}."
    if standing.phase != "training":
        return PHASES[standing.phase]
    epochs = look.spec.training.epochs
    parts = [f"epoch {count(min(int(look.done) + 1, epochs))} of {count(epochs)}"]
    left = look.seconds_left
    if left is not None:
        parts.append(f"{'at most ' if look.spec.training.early_stopping else ''}{duration(left)} left")
    elif look.record.cost is not None:
        parts.append(f"about {duration(look.record.cost)} in all")
    if look.images_per_second:
        parts.append(f"{count(round(look.images_per_second))} images/s")
    return ", ".join(parts)


def _stop_button(record: RunRecord) -> None:
    mine = services().jobs.may_change(record, current_owner())
    st.button(
        "Stop",
        key=f"stop:{record.id}",
        icon=":material/stop:",
        disabled=not mine or record.wish is not None,
        help=None if mine else "Only who started it can stop it.",
        on_click=_stop,
        args=(record.id,),
    )


@guarded
def _stop(run_id: str) -> None:
    services().jobs.stop(run_id, owner=current_owner())


def _now_and_best(look: Look) -> str:
    last, best = look.last, look.best
    if last is None:
        return EMPTY_LINE
    words = f"now: **{percent(last.metrics['val_accuracy'])}** validation"
    if best is None:
        return f"{words}, before training"
    return f"{words}, best: **{percent(best.metrics['val_accuracy'])}** (epoch {count(best.epoch)})"
