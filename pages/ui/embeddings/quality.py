"""How far a map can be trusted, in numbers and in words, and what lies along the axes of a PCA."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from mnist_core.analysis.embedding import METHODS
from mnist_core.maps import LayerMap
from mnist_core.networks.layers import Dense
from mnist_core.networks.shapes import first_layer_id, plan
from mnist_core.npz import from_npz
from mnist_core.palette import Palette
from pages.ui.embeddings.drawing import Shown
from pages.ui.embeddings.layers import PIXELS
from pages.ui.format import count, duration, percent
from pages.ui.frame.view import View
from pages.ui.recorded import spec_of
from pages.ui.services import services
from pages.ui.theme import palette

__all__ = ["draw_axes", "draw_quality", "draw_quality_to_come"]

SIDE, ZOOM = 28, 4
HELP_HIT = (
    "How often the majority of an image's {k} nearest points in the map are of its own class, over all points; beside"
    " it the same by the nearest in the layer itself. A map that hides or invents order differs from its layer."
)
HELP_TRUST = (
    "Trustworthiness: whether neighbours in the map are neighbours in the layer. Continuity: whether neighbours in the"
    " layer are neighbours in the map. Both from 0 to 1, of the {k} nearest of {points} images (Venna and Kaski 2001)."
)
REDUCED = (
    "The layer has {width} values; the map is made of its first principal components, which hold {share} of the"
    " variance."
)
OTHER_EPOCH = (
    "Places are those of epoch {mapped}, the nearest that is mapped; colours and numbers those of epoch {epoch}."
)
READ_AXES = (
    "What each axis looks for, in pixels: an image lies further along it the more it has where it is orange and the"
    " less where it is blue."
)


def draw_quality(shown: Shown, epoch: int) -> None:
    """Draws two numbers with their doubts, and what distances in the map mean.

    Args:
        shown: the map.
        epoch: the one that is looked at, of which the colours are.
    """
    here, method = shown.here, METHODS[shown.wanted.request.method]
    found = here.quality
    if found is not None:
        k = found.neighbours
        over = f", over {count(found.points)} of them" if found.points < len(shown.maps.ids) else ""
        with st.container(gap="xxsmall"):
            if found.neighbourhood_hit is not None and found.neighbourhood_hit_layer is not None:
                st.markdown(
                    f"**Neighbourhood hit {percent(found.neighbourhood_hit)}** of"
                    f" {percent(found.neighbourhood_hit_layer)} in the layer",
                    help=HELP_HIT.format(k=k),
                    width="content",
                )
            st.markdown(
                f"trustworthiness {found.trustworthiness:.3f}, continuity {found.continuity:.3f}{over}",
                help=HELP_TRUST.format(k=k, points=count(found.points)),
                width="content",
            )
    if here.source.epoch != epoch:
        st.caption(f":material/history: {OTHER_EPOCH.format(mapped=here.source.epoch, epoch=epoch)}")
    st.caption(" ".join(_notes(shown, here, method.note)))


def draw_quality_to_come(method: str) -> None:
    """Holds the place of the numbers of a map that is not there yet.

    Args:
        method: key of the method.
    """
    with st.container(gap="xxsmall"):
        st.markdown("**Neighbourhood hit** is measured once the map is made,")
        st.markdown("and so are trustworthiness and continuity.")
    st.caption(METHODS[method].note)


def _notes(shown: Shown, here: LayerMap, note: str) -> list[str]:
    said = []
    if here.components is not None:
        shares = [percent(float(share)) for share in here.components.variance_ratio[: here.positions.shape[1]]]
        said.append(f"The axes hold {', '.join(shares[:-1])} and {shares[-1]} of the variance.")
    said.append(note)
    if here.kept_variance < 1:
        said.append(REDUCED.format(width=count(here.width), share=percent(here.kept_variance)))
    took = here.seconds.get("total")
    images = f"{count(len(shown.maps.ids))} {shown.maps.request.split} images"
    said.append(f"{images}, epoch {here.source.epoch}{f', made in {duration(took)}' if took is not None else ''}.")
    return said


def draw_axes(view: View, shown: Shown) -> None:
    """Draws the axes of a PCA as pictures, where they can be had: of the pixels, and of a dense first layer."""
    pictures = _pictures(view, shown)
    if pictures is None:
        return
    with st.container(horizontal=True, gap="medium"):
        for place, one in enumerate(pictures):
            st.image(_coloured(one, palette()), caption=f"axis {place + 1}", width=SIDE * ZOOM)
    st.caption(READ_AXES)


def _pictures(view: View, shown: Shown) -> NDArray[np.float32] | None:
    """float32 (axes, 28, 28), each scaled to [-1, 1]; None where the layer does not see pixels directly."""
    components, layer = shown.here.components, shown.here.source.layer
    if components is None or components.basis.shape[1] != shown.here.width:
        return None
    if layer == PIXELS:
        seen = components.basis
    else:
        kernel = _first_kernel(view, shown.here.source.epoch) if layer == _dense_first_layer(view) else None
        if kernel is None:
            return None
        seen = components.basis @ kernel.T
    pictures = seen.reshape(-1, SIDE, SIDE)
    scaled: NDArray[np.float32] = pictures / np.maximum(np.abs(pictures).max(axis=(1, 2), keepdims=True), 1e-12)
    return scaled


def _dense_first_layer(view: View) -> str | None:
    layers = spec_of(view.record).network.layers
    first = first_layer_id(layers)
    place = next((one for one in plan(layers) if one.id == first), None)
    return first if place is not None and isinstance(place.layer, Dense) else None


def _first_kernel(view: View, epoch: int) -> NDArray[np.float32] | None:
    """float32 (784, units); None where it was not kept, or sees something else than the pixels in their order."""
    archive = services().lab.archive
    if not archive.has(view.run.id, epoch, "first_layer"):
        return None
    arrays = from_npz(archive.read(view.run.id, epoch, "first_layer"))
    kernel = next((one for name, one in arrays.items() if name.endswith("/kernel")), None)
    return kernel if kernel is not None and kernel.shape[0] == SIDE * SIDE else None


def _coloured(picture: NDArray[np.float32], colours: Palette) -> Image.Image:
    """By the diverging scale: more is its last colour."""
    scale = np.array([[int(one[at : at + 2], 16) for at in (1, 3, 5)] for one in colours.diverging], np.float32)
    at = (picture + 1) / 2 * (len(scale) - 1)
    low = np.clip(np.floor(at).astype(int), 0, len(scale) - 2)
    share = (at - low)[..., None]
    pixels = (scale[low] * (1 - share) + scale[low + 1] * share).round().astype(np.uint8)
    return Image.fromarray(pixels).resize((SIDE * ZOOM, SIDE * ZOOM), Image.Resampling.NEAREST)
