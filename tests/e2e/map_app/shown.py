"""Made-up maps of the digits: `?n=` images, `?maps=` of them, epochs by a slider; what is selected stands below."""

import numpy as np
import streamlit as st

from pages.ui.images import image_source
from pages.ui.map import COLOURINGS, MapLook, MapPoints, embedding_map

CLASSES = tuple("0123456789")


def made_up(n: int, epoch: int) -> MapPoints:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 10, n).astype(np.uint8)
    angles = labels * (np.pi / 5)
    centres = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    places = draw.normal(0, 1.6, (n, 2)) * (1.2 - epoch / 10) + centres * 8 * epoch / 10
    is_right = draw.random(n) < 0.5 + epoch / 20
    return MapPoints(
        ids=np.arange(n, dtype=np.int32),
        positions=places.astype(np.float32),
        labels=labels,
        predicted=np.where(is_right, labels, (labels + 1) % 10).astype(np.uint8),
        confidence=draw.uniform(0.1, 1, n).astype(np.float32),
        loss=draw.exponential(0.5, n).astype(np.float32),
        learnt=draw.integers(-1, 10, n).astype(np.int16),
    )


def draw() -> None:
    n = int(st.query_params.get("n", "1000"))
    columns = st.columns(3)
    epoch = columns[0].slider("epoch", 0, 9, 5, key="epoch")
    columns[0].button("earlier", on_click=lambda: st.session_state.update(epoch=epoch - 1))
    columns[0].button("later", on_click=lambda: st.session_state.update(epoch=epoch + 1))
    colouring = columns[1].selectbox("colour by", COLOURINGS)
    shows = columns[2].toggle("images")
    source = image_source(st.query_params.get("dataset", "digits"))
    points = made_up(n, epoch)
    look = MapLook(CLASSES, colouring, frame="one", bounds=(-10, -10, 10, 10), show_images=shows, label="made-up map")
    for number, place in enumerate(st.columns(int(st.query_params.get("maps", "1")))):
        with place:
            embedding_map(
                points,
                look,
                key=f"map_{number}",
                source=source,
                selected=st.session_state.get("selected"),
                on_select=lambda ids: st.session_state.update(selected=ids or None),
            )
    chosen = st.session_state.get("selected") or ()
    st.text(f"selected: {len(chosen)}, first {list(chosen[:5])}")
    if st.button("select two"):
        st.session_state["selected"] = (0, 2)
        st.rerun()


st.set_page_config(layout="wide")
st.navigation(
    [st.Page(draw, title="map", default=True), st.Page(lambda: st.text("nothing"), title="other", url_path="other")]
).run()
