"""Tables and arrays in, figures out: no torch and no Streamlit in here, so that a shell can draw what a page shows."""
