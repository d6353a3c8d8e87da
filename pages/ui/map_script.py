"""The program of the map, which the browser loads once and keeps: `GET /map.js?v=HASH`.

A component's own script travels with each of its messages, so that one only loads this.
"""

from functools import cache
from hashlib import sha256
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["map_routes", "script_address"]

BUNDLE = Path(__file__).parent / "components" / "map" / "bundle" / "map.js"
IMMUTABLE = "public, max-age=31536000, immutable"


def map_routes() -> list[Route]:
    """The route that answers the program."""
    return [Route(_path(), _answer)]


@cache
def script_address() -> str:
    """Where the program is; another one has another address."""
    return f"{_path()}?v={sha256(BUNDLE.read_bytes()).hexdigest()[:16]}"


def _answer(request: Request) -> Response:
    is_this = request.query_params.get("v") == script_address().rpartition("=")[2]
    kept = {"Cache-Control": IMMUTABLE if is_this else "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(BUNDLE.read_bytes(), media_type="text/javascript", headers=kept)


def _path() -> str:
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/map.js" if base else "/map.js"
