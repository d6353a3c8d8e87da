"""The preset cards: each network with a picture of its layers and what it cost and reached here.

What a card says comes from finished runs with exactly the preset's specification; where there is none, from the cost
estimate.
"""

import math
from collections.abc import Iterator

import streamlit as st

from mnist_core.datasets import DatasetInfo
from mnist_core.machine import machine_name
from mnist_core.networks.catalogue import Preset, presets
from mnist_core.networks.cost import estimate
from mnist_core.networks.layers import Conv, Dense, Pool
from mnist_core.networks.shapes import PlannedLayer, flat, plan
from mnist_core.runs import RunRecord, RunState
from mnist_core.spec import RunSpec
from pages.ui.component import component
from pages.ui.format import count, duration, percent
from pages.ui.guard import guarded
from pages.ui.services import services
from pages.ui.train.spec_form import start_anew

__all__ = ["FIRST_CARDS", "blocks", "choose_preset", "chosen_preset", "preset_cards"]

CARDS_KEY = "preset-cards"
CHOICE_KEY = "preset"
FIRST_CARDS = 6
PIXELS = 28
SAYS_FOR_SECONDS = 10.0
ELSEWHERE = "not here"
"""What the basis of an estimate says where the seconds are another machine's."""

_COMPONENT = component("preset_cards")


def chosen_preset() -> Preset:
    """The preset that is chosen, after a look at the URL; what the URL cannot mean is said, and left alone."""
    asked = st.query_params.get(CHOICE_KEY)
    known = st.session_state.get(CHOICE_KEY, next(iter(presets)))
    if asked is not None and asked not in presets:
        st.warning(f"`preset` in the link must be one of {', '.join(presets)}; {known} is shown.")
    elif asked is not None and asked != known:
        start_anew()
        known = asked
    st.session_state[CHOICE_KEY] = known
    if asked != known:
        st.query_params[CHOICE_KEY] = known
    return presets[known]


def preset_cards(dataset: DatasetInfo) -> None:
    """Draws the cards; a choice fills the form anew."""
    cards = [
        {"name": name, "note": preset.note, "blocks": _blocks(name), "says": says}
        for (name, preset), says in zip(presets.items(), _says(dataset), strict=True)
    ]
    _COMPONENT(
        key=CARDS_KEY,
        data={"label": "network", "first": FIRST_CARDS, "value": st.session_state[CHOICE_KEY], "cards": cards},
        on_chosen_change=_choose,
    )


@guarded
def _choose() -> None:
    name = st.session_state[CARDS_KEY].chosen
    if isinstance(name, str) and name in presets:
        choose_preset(name)


def choose_preset(name: str, *, like: RunSpec | None = None) -> None:
    """Chooses a preset and fills the form anew, for callbacks.

    Args:
        name: in the catalogue.
        like: a run of it, whose values fill the form instead of the preset's own.
    """
    st.session_state[CHOICE_KEY] = name
    st.query_params[CHOICE_KEY] = name
    start_anew(like)


@st.cache_resource(show_spinner=False)
def _blocks(name: str) -> list[tuple[str, float, float]]:
    return blocks(list(flat(plan(presets[name].layers(10)))))


def blocks(layers: list[PlannedLayer]) -> list[tuple[str, float, float]]:
    """The bars of a network's picture: (kind, height in [0, 1], width in pixels), the input first."""
    drawn = [place for place in layers if isinstance(place.layer, Conv | Dense | Pool)]
    return [("input", 1.0, 6.0), *(_block(place) for place in drawn)]


def _block(place: PlannedLayer) -> tuple[str, float, float]:
    if isinstance(place.layer, Dense):
        return "dense", min(0.2 + math.log10(place.layer.units) / 4, 1.0), 4.0
    rows, _, channels = place.output_shape
    return place.layer.kind, min(rows / PIXELS, 1.0), 2 + 1.7 * math.log2(channels)


@st.cache_resource(max_entries=16, ttl=SAYS_FOR_SECONDS, show_spinner=False)
def _says(dataset: DatasetInfo) -> list[list[str]]:
    """The lines of each card, in the order of the catalogue."""
    runs = services().lab.archive.store.runs()
    classes = len(dataset.classes)
    specs = {name: _on(preset, dataset) for name, preset in presets.items()}
    finished = dict(_finished(runs, specs))
    return [
        [f"{count(presets[name].parameters(classes))} parameters", _offer(spec, dataset, runs, finished.get(name))]
        for name, spec in specs.items()
    ]


def _on(preset: Preset, dataset: DatasetInfo) -> RunSpec:
    units = f"network.layers.{len(preset.hidden)}.units"
    return preset.specify(dataset.name, {units: len(dataset.classes)})


def _finished(runs: list[RunRecord], specs: dict[str, RunSpec]) -> Iterator[tuple[str, RunRecord]]:
    """The finished runs of each preset as it is, oldest first, and those that were trained here last."""
    plain = {name: spec.model_dump(mode="json") for name, spec in specs.items()}
    for run in sorted(runs, key=lambda run: (_was_trained_here(run), run.created)):
        name = run.spec.get("network", {}).get("preset")
        if run.state is RunState.DONE and run.result and plain.get(name) == run.spec:
            yield name, run


def _offer(spec: RunSpec, dataset: DatasetInfo, runs: list[RunRecord], finished: RunRecord | None) -> str:
    if finished is None or finished.result is None:
        cost = estimate(spec, _train_images(spec, dataset), services().lab.settings.home, runs)
        return f"about {duration(cost.seconds_per_run)}{'' if ELSEWHERE in cost.basis else ' here'}"
    kept = finished.result["kept_epoch"]
    epochs = services().lab.archive.store.epochs(finished.id)
    accuracy = percent(next(one.metrics["val_accuracy"] for one in epochs if one.epoch == kept))
    is_ours = _was_trained_here(finished)
    return f"{accuracy} in {duration(finished.used or 0)} here" if is_ours else f"{accuracy} elsewhere"


def _was_trained_here(run: RunRecord) -> bool:
    """Whether its seconds say something of this machine; one that follows another took none."""
    return bool(run.used and run.result and run.result["machine"] == machine_name())


def _train_images(spec: RunSpec, dataset: DatasetInfo) -> int:
    """About how many images are left to train on; the exact number needs the images."""
    left = dataset.train * (1.0 if dataset.test else 0.85)
    return max(round(left * (1 - float(spec.split.validation))), 1)
