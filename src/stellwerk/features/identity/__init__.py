"""Identity: people, teams, roles, tokens, one-time links and browser sessions."""

from stellwerk.features.identity.people import (
    actor_named,
    add_person,
    ensure_person,
    ensure_team,
    grant,
    list_people,
    list_teams,
    names_of,
    set_active,
    withdraw,
)
from stellwerk.features.identity.permissions import ROLES, permissions_of
from stellwerk.features.identity.sessions import LINK_PATH, create_first_admin, make_link, session_of_cookie
from stellwerk.features.identity.tokens import (
    KnownToken,
    NewToken,
    actor_of_token,
    create_token,
    list_tokens,
    revoke_token,
    tokens_that_may,
)

__all__ = [
    "LINK_PATH",
    "ROLES",
    "KnownToken",
    "NewToken",
    "actor_named",
    "actor_of_token",
    "add_person",
    "ensure_person",
    "create_first_admin",
    "create_token",
    "ensure_team",
    "grant",
    "list_people",
    "list_teams",
    "list_tokens",
    "make_link",
    "names_of",
    "permissions_of",
    "revoke_token",
    "session_of_cookie",
    "set_active",
    "tokens_that_may",
    "withdraw",
]
