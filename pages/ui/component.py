"""Our own components: each is a folder of `components/` with what the browser runs, named alike."""

from pathlib import Path
from typing import Any

import streamlit as st

__all__ = ["component"]

FOLDER = Path(__file__).parent / "components"


def component(name: str) -> Any:
    """The component of a folder, to be called with `key` and `data`.

    Args:
        name: of the folder; it holds `NAME.html`, `NAME.css` and `NAME.js`.
    """
    html, css, js = ((FOLDER / name / f"{name}.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component(f"mnist_lab_{name}", html=html, css=css, js=js)
