"""What the pages share: frame, state, server, components. Imports Streamlit; never torch."""
