"""The database: rows hold and never decide."""
