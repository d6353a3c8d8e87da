"""The server: opens the laboratory, starts the jobs, serves health and thumbnails, and hands the rest to the pages."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pages.ui.frame.prefetch import close_prefetching, open_prefetching
from pages.ui.frame.share import share_routes
from pages.ui.guard import show_script_error
from pages.ui.images import image_routes
from pages.ui.map import map_routes
from pages.ui.owner import owner_routes
from pages.ui.services import close_services, services


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    """Opens what all sessions share before the first visitor comes, and closes it so that no process is left."""
    shared = await asyncio.to_thread(services)
    await asyncio.to_thread(shared.start)
    open_prefetching()
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        await asyncio.to_thread(close_prefetching)
        await asyncio.to_thread(close_services)


async def health(_: Request) -> JSONResponse:
    """Whether the database answers, and which slots there are."""
    return JSONResponse(await asyncio.to_thread(lambda: services().health()))


app = st.App(
    "pages/navigation.py",
    lifespan=lifespan,
    routes=[Route("/healthz", health), *image_routes(), *owner_routes(), *share_routes(), *map_routes()],
    on_script_error=show_script_error,
)
