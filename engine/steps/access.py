"""Who may see and do what: access tokens with the roles viewer, operator and admin.

Only a token's hash is kept; the token itself is shown once, when it is made.
"""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import Connection

from engine.errors import InputError
from engine.store import records
from engine.store.locking import hold
from engine.workspace import Workspace

ROLES = ("viewer", "operator", "admin")


def role_of(workspace: Workspace, token: str, now: datetime) -> str | None:
    """The role of a token's bearer; None for a token that nobody was given."""
    with workspace.database.reading() as connection:
        return records.role_of(connection, _digest(token))


def first_admin_token(workspace: Workspace, now: datetime) -> str | None:
    """The first token of a database, an admin's, to be printed once; None when there are tokens already."""
    with workspace.database.reading() as connection:
        if records.token_count(connection):
            return None
    with workspace.database.writing() as connection:
        hold(connection, "access")
        if records.token_count(connection):
            return None
        return _allow(connection, "admin", "first", now)


def add_token(workspace: Workspace, role: str, label: str, now: datetime) -> str:
    """A new token with a role; raises InputError for a role that does not exist."""
    if role not in ROLES:
        raise InputError(f"{role!r} is not a role; roles are {', '.join(ROLES)}")
    with workspace.database.writing() as connection:
        hold(connection, "access")
        return _allow(connection, role, label, now)


def _allow(connection: Connection, role: str, label: str, now: datetime) -> str:
    token = secrets.token_urlsafe(24)
    records.allow(connection, _digest(token), role, label, now)
    records.audit(connection, now, "ringlab", "token", label, role)
    return token


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
