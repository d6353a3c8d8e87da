import asyncio
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from itsdangerous import TimestampSigner
from starlette.requests import Request
from starlette.responses import Response

from pages.ui import owner


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings = SimpleNamespace(home=tmp_path, profile="demo")
    monkeypatch.setattr(owner, "services", lambda: SimpleNamespace(lab=SimpleNamespace(settings=settings)))
    return tmp_path


def visit(given: str, **headers: str) -> Response:
    """What the route answers to a browser that fetches its cookie."""
    (route,) = owner.owner_routes()
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": "/owner", "scheme": "http", "server": ("here", 80)}
    scope |= {"query_string": urlencode({"token": given}).encode(), "headers": named}
    return asyncio.run(route.endpoint(Request(scope)))


def token(name: str = "visitor-1", purpose: str = "token") -> str:
    return str(owner._signer(purpose).dumps(name))


def test_a_token_is_traded_for_a_cookie_that_names_its_owner(home: Path):
    answer = visit(token())
    assert answer.status_code == 200
    assert answer.media_type == "image/gif"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "secure" not in cookie
    signed = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert owner._read(signed, "cookie", owner.COOKIE_SECONDS) == "visitor-1"


def test_the_cookie_of_a_secure_page_is_secure(home: Path):
    answer = visit(token(), x_forwarded_proto="https")
    assert "secure" in answer.headers["set-cookie"].lower()


def test_a_browser_keeps_the_cookie_that_it_has(home: Path):
    answer = visit(token("visitor-2"), cookie=f"{owner.COOKIE}={token('visitor-1', 'cookie')}")
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers


def test_a_forged_cookie_is_replaced(home: Path):
    assert "set-cookie" in visit(token(), cookie=f"{owner.COOKIE}=forged").headers


@pytest.mark.parametrize("given", ["", "forged", "a.b.c", "é" * 300])
def test_a_forged_token_is_refused(home: Path, given: str):
    answer = visit(given)
    assert answer.status_code == 403
    assert answer.body.decode() == owner.EXPIRED
    assert "set-cookie" not in answer.headers


def test_a_token_of_another_installation_is_refused(home: Path):
    foreign = token()
    (home / owner.SECRET_FILE).write_bytes(b"another secret")
    assert visit(foreign).status_code == 403


def test_a_cookie_is_no_token_and_a_token_no_cookie(home: Path):
    assert visit(token(purpose="cookie")).status_code == 403
    assert owner._read(token(), "cookie", owner.COOKIE_SECONDS) == ""


def test_an_expired_token_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch):
    old = token()
    now = TimestampSigner.get_timestamp
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: now(self) + owner.TOKEN_SECONDS + 1)
    assert visit(old).status_code == 403


def test_another_site_cannot_give_an_owner(home: Path):
    answer = visit(token(), sec_fetch_site="cross-site")
    assert answer.status_code == 403


def test_the_secret_is_made_once_and_for_its_owner_only(home: Path):
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: owner.cookie_secret(home), range(16)))
    assert len(made) == 1
    assert len(made.pop()) == 32
    assert stat.S_IMODE((home / owner.SECRET_FILE).stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == [owner.SECRET_FILE]


def test_outside_of_a_session_nobody_looks(home: Path):
    assert owner.current_owner() == owner.NOBODY
