"""A server that shows the map alone, for its browser tests and measurements."""

import streamlit as st

from pages.ui.images import image_routes
from pages.ui.map import map_routes

app = st.App("shown.py", routes=[*image_routes(), *map_routes()])
