"""What a run would be and cost before anyone presses Train: counted and estimated, never typed in."""

from dataclasses import dataclass

import streamlit as st

from mnist_core.networks.cost import Cost
from mnist_core.spec import RunSpec
from pages.ui.format import count, duration
from pages.ui.network.whole import draw_network_in_tabs
from pages.ui.services import services

__all__ = ["Offer", "draw_layers", "draw_offer", "offer_of"]

FRESH_SECONDS = 30.0
MEGABYTE = 1_000_000
SHORTEST = 0.1
NETWORK_KEY = "train:network"


@dataclass(frozen=True)
class Offer:
    """What pressing Train would start.

    Attributes:
        cost: what it would cost.
        device: kind of device that it would train on.
        images: number of images to train on.
        validation: number of images held back.
    """

    cost: Cost
    device: str
    images: int
    validation: int


def offer_of(spec: RunSpec) -> Offer:
    """What a run would be and cost.

    Raises:
        InvalidInput: it cannot be trained here; the sentence says why.
    """
    return _offer(spec.model_dump_json())


@st.cache_resource(max_entries=128, ttl=FRESH_SECONDS, show_spinner=False)
def _offer(spec: str) -> Offer:
    plan = services().jobs.check(RunSpec.model_validate_json(spec))
    return Offer(plan.cost, plan.device, len(plan.splits.train), len(plan.splits.validation))


def draw_offer(spec: RunSpec, offer: Offer) -> None:
    """Says what it costs and where it will run."""
    cost, epochs = offer.cost, spec.training.epochs
    in_all = f", {'at most ' * (spec.training.early_stopping is not None)}{_about(cost.seconds_per_run)} in all"
    st.markdown(
        f"**{count(cost.parameters)}** parameters, {_about(cost.seconds_per_epoch)} an epoch"
        f"{in_all if epochs > 1 else ''}"
    )
    st.caption(
        f"Time {cost.basis}. {_where(offer.device)}",
        help=f"{count(offer.images)} images to train on, {count(offer.validation)} for validation."
        f" Weights, gradients and one batch take {_megabytes(cost.bytes)} of memory.",
    )


def draw_layers(spec: RunSpec) -> None:
    """The network as diagram, numbers and configuration, drawn once somebody opens it."""
    box = st.expander("The network, layer by layer", key=NETWORK_KEY, on_change="rerun")
    if box.open:
        with box:
            draw_network_in_tabs(spec, key=NETWORK_KEY)


def _about(seconds: float) -> str:
    return f"about **{duration(seconds)}**" if seconds >= SHORTEST else f"under **{duration(SHORTEST)}**"


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:,.1f} MB"


def _where(device: str) -> str:
    slots = [slot for slot in services().jobs.slots() if slot.lane == "train" and slot.device == device]
    if not slots:
        return f"No worker for training on the {device.upper()} is here yet; it waits in the queue until one is."
    threads = max(slot.threads for slot in slots)
    many = f"{len(slots)} slots" if len(slots) > 1 else "one slot"
    each = f" of {threads} thread{'s' * (threads > 1)}" if threads else ""
    return f"Trains on the {device.upper()} ({many}{each})."
