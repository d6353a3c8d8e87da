"""The link to what is on the screen: copied by a button, or read by a phone's camera from a QR code.

The browser knows its own address best, also behind a proxy, so it asks for the code of that: `GET /qr.svg?text=...`.
"""

from io import BytesIO

import segno
import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pages.ui.component import component

__all__ = ["MOST_LETTERS", "draw_share", "share_routes"]

MOST_LETTERS = 1200
"""Of an address that a camera can still read from a screen."""

TOO_LONG = "A QR code holds an address of 1 to {most} characters here, got {got}; copy the link instead."

_COMPONENT = component("share")


def draw_share() -> None:
    """A button that opens the link to this view, to copy, and its QR code."""
    with st.popover("Link", icon=":material/link:", help="The link to what you see, to copy or as a QR code."):
        _COMPONENT(key="share", data={"codes": _path(), "most": MOST_LETTERS})


def share_routes() -> list[Route]:
    """The route that draws QR codes."""
    return [Route(_path(), _answer)]


def _answer(request: Request) -> Response:
    text = request.query_params.get("text", "")
    if not 1 <= len(text) <= MOST_LETTERS:
        return PlainTextResponse(TOO_LONG.format(most=MOST_LETTERS, got=len(text)), 400)
    drawn = BytesIO()
    segno.make(text, error="l", micro=False).save(drawn, kind="svg", scale=4, border=4, light="#ffffff")
    kept = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(drawn.getvalue(), media_type="image/svg+xml", headers=kept)


def _path() -> str:
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/qr.svg" if base else "/qr.svg"
