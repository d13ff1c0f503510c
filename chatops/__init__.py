"""Migrate, check and mend a chat-assignment system over direct Postgres connections."""

__version__ = "0.1.0"
