"""What the environment says, read once.

| variable | means | default |
|---|---|---|
| RINGLAB_DATABASE_URL | where the database is | sqlite:///ringlab.db in the folder of the command |
| RINGLAB_PUBLIC_URL | where the world reaches this server | http://127.0.0.1:8000 |
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_DATABASE = "sqlite:///ringlab.db"
DEFAULT_PUBLIC_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where this process finds the world."""

    database: str = DEFAULT_DATABASE
    public_url: str = DEFAULT_PUBLIC_URL

    @classmethod
    def read(cls, database: str | None = None, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Settings from the environment; `database`, when given, wins over it."""
        return cls(
            database=database or environment.get("RINGLAB_DATABASE_URL") or DEFAULT_DATABASE,
            public_url=(environment.get("RINGLAB_PUBLIC_URL") or DEFAULT_PUBLIC_URL).rstrip("/"),
        )
