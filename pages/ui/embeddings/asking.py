"""Which maps the page needs, whether they are there, and what is read of them. Nothing here draws."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from mnist_core.errors import RunNotFound
from mnist_core.maps import MapRequest, MapResult
from mnist_core.runs import RunRecord, RunState
from mnist_core.runs.kept import nearest_epoch
from pages.ui.embeddings.layers import PIXELS, layers_of
from pages.ui.embeddings.options import Options
from pages.ui.frame.view import View
from pages.ui.owner import current_owner
from pages.ui.recorded import epochs_of
from pages.ui.services import services

__all__ = ["Wanted", "known_order", "order_maps", "read_maps", "wanted"]

MOST_EPOCHS, MOST_LAYERS = 12, 16
ORDERS = "map_orders"
T = TypeVar("T")


@dataclass(frozen=True)
class Wanted:
    """The maps that the page needs.

    Attributes:
        run: id of the run.
        request: what is asked of it.
        layer: the layer that is to be shown.
        epoch: the epoch that is to be shown, one of the request's: the nearest to the one that is looked at.
    """

    run: str
    request: MapRequest
    layer: str
    epoch: int


def wanted(view: View, options: Options) -> Wanted:
    """The maps of what is looked at.

    Args:
        view: what is looked at.
        options: what is asked for; its settings are there.

    Raises:
        InvalidInput: the run has no such maps.
    """
    kept = _epochs_with_weights(view, options.layer)
    epoch = nearest_epoch(kept, view.epoch)
    if options.along == "all epochs":
        counts = nearest_epoch(kept, epochs_of(view.record).kept or kept[-1])
        epochs = _spread(kept, MOST_EPOCHS, counts)
        return _wanted(
            view, options, [(options.layer, one) for one in epochs], (nearest_epoch(epochs, view.epoch), counts)
        )
    if options.along == "all layers":
        layers = _spread(list(layers_of(view.record).shapes), MOST_LAYERS, options.layer)
        return _wanted(view, options, [(one, epoch) for one in layers], (epoch, epoch))
    return _wanted(view, options, [(options.layer, epoch)], (epoch, epoch))


def _wanted(view: View, options: Options, sources: list[tuple[str, int]], epochs: tuple[int, int]) -> Wanted:
    """The request of some sources; the others follow the one of the layer at the second of the epochs."""
    shown, anchor = epochs
    hidden = (layers_of(view.record).last_hidden, anchor)
    data = {
        "split": view.split,
        "points": options.points,
        "method": options.method,
        "settings": options.settings,
        "sources": sources,
        "anchor": sources.index(hidden if hidden in sources else (options.layer, anchor)),
    }
    request = MapRequest.parse(data)
    return Wanted(view.run.id, _fitted(view.run.id, request.model_dump_json(), request), options.layer, shown)


@st.cache_resource(max_entries=256, show_spinner=False)
def _fitted(run_id: str, text: str, _request: MapRequest) -> MapRequest:  # noqa: ARG001 - the text is the key
    return _request.fitted(services().lab.run(run_id))


def _epochs_with_weights(view: View, layer: str) -> tuple[int, ...]:
    """The epochs at which the layer can be looked at, at least one."""
    recorded = tuple(one.epoch for one in view.epochs)
    return recorded if layer == PIXELS else _weights(view.run.id, recorded[-1], view.record.state) or recorded


@st.cache_resource(max_entries=500, show_spinner=False)
def _weights(run_id: str, last: int, state: RunState) -> tuple[int, ...]:  # noqa: ARG001 - thinned as epochs come
    return services().lab.run(run_id).weight_epochs


def _spread(items: Sequence[T], most: int, always: T) -> list[T]:
    """At most so many of the items, evenly, first and last among them, and the one that must be."""
    if len(items) <= most:
        return list(items)
    places = {round(place * (len(items) - 1) / (most - 1)) for place in range(most)}
    must = items.index(always)
    if must not in places:
        places.remove(min(places - {0, len(items) - 1}, key=lambda one: abs(one - must)))
    return [items[place] for place in sorted(places | {must})]


def known_order(maps: Wanted) -> RunRecord | None:
    """The work that makes these maps: what this session asked for, however it ended, or what anybody did."""
    mine = st.session_state.get(ORDERS, {}).get(_key(maps))
    if mine:
        with suppress(RunNotFound):  # old maps make room for new ones
            return services().lab.archive.store.run(mine)
    return services().jobs.known_map(maps.request, maps.run)


def order_maps(maps: Wanted) -> RunRecord:
    """Asks for the maps; the same are made once.

    Raises:
        InvalidInput: the request does not fit the run.
        QueueFull: this visitor waits for too much already.
    """
    order = services().jobs.map(maps.request, maps.run, owner=current_owner())
    st.session_state[ORDERS] = st.session_state.get(ORDERS, {}) | {_key(maps): order.id}
    return order


def _key(maps: Wanted) -> tuple[str, str]:
    return maps.run, maps.request.model_dump_json()


def read_maps(order: RunRecord) -> MapResult | None:
    """What is made so far of what was asked for; None where it has not begun."""
    store = services().lab.archive.store
    names = [one.name for one in store.artifacts(order.id)]
    return _maps(order.id, names.count("map"), order) if "sample" in names else None


@st.cache_resource(max_entries=12, show_spinner=False)
def _maps(order_id: str, made: int, _order: RunRecord) -> MapResult:  # noqa: ARG001 - more maps come while it works
    return services().jobs.mapped(_order)
