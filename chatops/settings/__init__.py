"""Which database a command works on, and where each setting came from. Never connects, never prints a password."""

from __future__ import annotations

from chatops.settings.configuration import Configuration, load, table_of
from chatops.settings.folders import cache_dir, config_dir, data_dir, state_dir
from chatops.settings.production import THIS_MACHINE, Answered, judged, production_beside
from chatops.settings.resolve import named_several, resolve, resolve_all
from chatops.settings.secrets import MASK, is_no_word, redact, secrets_in, secrets_of, without_databases, without_passwords
from chatops.settings.snoozes import Snooze, snoozes, until_in_words
from chatops.settings.target import WHERE_SUPABASE_SHOWS_IT, Options, Origin, Target
from chatops.settings.urls import parse, url_without_password

__all__ = [
    "MASK",
    "THIS_MACHINE",
    "WHERE_SUPABASE_SHOWS_IT",
    "Answered",
    "Configuration",
    "Options",
    "Origin",
    "Snooze",
    "Target",
    "cache_dir",
    "config_dir",
    "data_dir",
    "is_no_word",
    "judged",
    "load",
    "named_several",
    "parse",
    "production_beside",
    "redact",
    "resolve",
    "resolve_all",
    "secrets_in",
    "secrets_of",
    "snoozes",
    "state_dir",
    "table_of",
    "until_in_words",
    "url_without_password",
    "without_databases",
    "without_passwords",
]
