"""Who may change things in this app: everybody, or with `read_only` in the owner's file its owners alone.

A disabled button is drawn so by the browser alone, so every verb calls `check` on the server as well.
"""

from __future__ import annotations

import streamlit as st

from sbp.runs.limits import read_limits
from sbp.runs.store import BadRequest
from sbp.spec import ConfigError

READ_ONLY = "This app is for watching: runs are started, stopped, deleted and measured by its owners alone."


def refusal() -> str:
    """Why nothing can be changed from here, in a sentence; "" where it can."""
    try:
        limits = read_limits()
    except ConfigError as error:
        return str(error)
    owners = [owner.casefold() for owner in limits.owners]
    return "" if not limits.read_only or signed_in() in owners else READ_ONLY


def check() -> None:
    """Raises `BadRequest` with that sentence, for a verb to begin with."""
    if why := refusal():
        raise BadRequest(why)


def signed_in() -> str | None:
    """The e-mail address of who has signed in, in lower case; None for everybody else.

    One that the identity provider says it has not verified is nobody's.
    """
    user = st.user.to_dict()
    email = user.get("email")
    known = user.get("is_logged_in") is True and user.get("email_verified", True) is True
    return email.casefold() if known and isinstance(email, str) else None


def sign_in() -> None:
    """The button that signs in or out, where `secrets.toml` names an identity provider."""
    if "is_logged_in" in st.user:
        inside = st.user.is_logged_in
        title, icon = ("Sign out", "logout") if inside else ("Sign in", "login")
        verb = st.logout if inside else st.login
        st.button(title, icon=f":material/{icon}:", type="tertiary", key="sign-in", on_click=verb)
