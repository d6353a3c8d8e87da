"""Who is looking: one owner on one's own machine, else a signed anonymous cookie that the first Train sets.

Whoever has a link may look; only the owner of a run may change it. The cookie holds a random name and nothing else.
"""

import os
import secrets
import time
from pathlib import Path

import streamlit as st
from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pages.ui.services import services

__all__ = ["NOBODY", "cookie_secret", "current_owner", "ensure_owner", "owner_routes", "remember_owner"]

LOCAL = "local"
NOBODY = "nobody"
"""The owner of nothing: a visitor who has not trained yet."""

COOKIE = "mnist_lab_owner"
SECRET_FILE = "cookie-secret"  # noqa: S105 - a file's name
COOKIE_SECONDS = 400 * 24 * 3600
TOKEN_SECONDS = 60
OWNER_KEY = "owner"
TOKEN_KEY = "owner_token"  # noqa: S105 - a key's name
MADE_KEY = "owner_made"
PIXEL = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,"
PIXEL += b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
EXPIRED = "This link has expired or is not from here; press Train again."


def current_owner() -> str:
    """The owner of what this browser starts; `NOBODY` for a visitor who has started nothing yet. Never raises."""
    if services().lab.settings.profile == LOCAL:
        return LOCAL
    cookie = st.context.cookies.get(COOKIE)
    return (_read(cookie, "cookie", COOKIE_SECONDS) if cookie else "") or st.session_state.get(OWNER_KEY, NOBODY)


def ensure_owner() -> str:
    """The owner of what this browser starts; one without a name gets one, which its cookie will hold from now on."""
    owner = current_owner()
    if owner == NOBODY:
        owner = st.session_state[OWNER_KEY] = f"visitor-{secrets.token_hex(8)}"
        st.session_state[TOKEN_KEY] = _signer("token").dumps(owner)
        st.session_state[MADE_KEY] = time.monotonic()
    return owner


def remember_owner() -> None:
    """Lets the browser fetch its cookie, in the minute after it got a name; at the end of every run of the script."""
    made = st.session_state.get(MADE_KEY)
    if made is not None and time.monotonic() - made < TOKEN_SECONDS:
        st.html(f'<img src="{_path()}?token={st.session_state[TOKEN_KEY]}" alt="" width="0" height="0">')


async def _set_cookie(request: Request) -> Response:
    """Trades a token from `remember_owner` for the cookie; a browser that has a cookie keeps it."""
    owner = await run_in_threadpool(_read, request.query_params.get("token", ""), "token", TOKEN_SECONDS)
    if not owner or request.headers.get("sec-fetch-site") == "cross-site":
        return PlainTextResponse(EXPIRED, status_code=403)
    response = Response(PIXEL, media_type="image/gif", headers={"Cache-Control": "no-store"})
    if _read(request.cookies.get(COOKIE, ""), "cookie", COOKIE_SECONDS):
        return response
    signed = _signer("cookie").dumps(owner)
    secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
    response.set_cookie(COOKIE, str(signed), max_age=COOKIE_SECONDS, httponly=True, samesite="lax", secure=secure)
    return response


def owner_routes() -> list[Route]:
    """The route that sets the cookie."""
    return [Route(_path(), _set_cookie)]


def _path() -> str:
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/owner" if base else "/owner"


def _read(signed: str, purpose: str, seconds: int) -> str:
    """The owner in a cookie or token; empty where it is forged, expired, or made for something else."""
    try:
        owner = _signer(purpose).loads(signed, max_age=seconds)
    except BadData:
        return ""
    return owner if isinstance(owner, str) else ""


def _signer(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(cookie_secret(services().lab.settings.home), salt=f"mnist-lab-{purpose}")


def cookie_secret(home: Path) -> bytes:
    """The secret of this installation, made at first need; one file, that only its owner can read."""
    path = home / SECRET_FILE
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        draft = home / f".{SECRET_FILE}-{secrets.token_hex(8)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # unlike a rename, it never replaces a secret that another process made just now
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes()
