"""The app: `streamlit run app.py`. Pages are named in pages/router.py; pages/shared/server.py sets the server."""

import streamlit as st

from pages.shared import server

# The main script stands in a folder without a pages/ folder beside it: with pages/ next to it, a fresh server
# answers a deep link by running that page alone, without the router, until someone has opened the first page.
app = st.App("pages/router.py", lifespan=server.lifespan, middleware=server.MIDDLEWARE)
