"""Text for a database whose encoding lacks signs of it: every statement of ours is ASCII, what it is asked with is made fit."""

from __future__ import annotations

import codecs
import re
from functools import cache

import psycopg
from psycopg.abc import Buffer
from psycopg.rows import TupleRow
from psycopg.types.string import StrDumperUnknown

HOLD_EVERYTHING = ("UTF8", "SQL_ASCII")
_LATIN = (1, 2, 3, 4, 9, 10, 13, 14, 15, 16)
"""The parts of ISO 8859 that are LATIN1, LATIN2 and so on."""
_OTHERS = {"KOI8R": "koi8-r", "KOI8U": "koi8-u", "WIN866": "cp866", "EUC_CN": "gb2312"}
_ALIKE = str.maketrans({"\u2026": "...", "“": '"', "”": '"', "\u2018": "'", "\u2019": "'", "\u2013": "-", "\u00b7": "-",
                        "\u2192": "->"})  # fmt: skip
"""Signs of our own sentences, in ASCII."""
_BYTES = re.compile(r"0x([0-9a-f]{2})")


@cache
def codec(server_encoding: str | None) -> str | None:
    """Python's name for an encoding of a database; None for one that holds every text. What Python does not know is ASCII.

    >>> codec("UTF8"), codec("LATIN10"), codec("WIN1252"), codec("EUC_JP"), codec("MULE_INTERNAL")
    (None, 'iso8859-16', 'cp1252', 'euc_jp', 'ascii')
    """
    if server_encoding is None or server_encoding in HOLD_EVERYTHING:
        return None
    name = _OTHERS.get(server_encoding, server_encoding.lower())
    if number := re.fullmatch(r"LATIN(\d+)", server_encoding):
        name = f"iso8859-{_LATIN[int(number[1]) - 1]}"
    elif number := re.fullmatch(r"WIN(\d+)", server_encoding):
        name = f"cp{number[1]}"
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "ascii"


def fitting(text: str, wanted: str | None) -> str:
    """The text with what an encoding lacks as `\\u0e2a`, and the signs of our own sentences in ASCII.

    >>> fitting("“Ann” \u2026 \u0e2a", "iso8859-1"), fitting("\u0e2a", None)
    ('"Ann" ... \\\\u0e2a', '\u0e2a')
    """
    if wanted is None or text.isascii() or not lacking(text, wanted):
        return text
    return text.translate(_ALIKE).encode(wanted, "backslashreplace").decode(wanted)


def lacking(text: str, wanted: str | None) -> str:
    """The first sign of a text that an encoding lacks, "" where it has all.

    >>> lacking("na\u00efve \u0e2a", "iso8859-1")
    '\u0e2a'
    """
    if wanted is None or text.isascii():
        return ""
    try:
        text.encode(wanted)
    except UnicodeEncodeError as error:
        return text[error.start]
    return ""


def adapt(connection: psycopg.Connection[TupleRow]) -> None:
    """Sends no text as a parameter that the database cannot hold: compared with such a text nothing is alike anyway."""
    wanted = codec(connection.info.parameter_status("server_encoding"))
    if wanted is None:
        return

    class Fitting(StrDumperUnknown):
        def dump(self, obj: str) -> Buffer | None:
            return super().dump(fitting(obj, wanted))

    connection.adapters.register_dumper(str, Fitting)


def in_words(message: str, server_encoding: str | None) -> str:
    """What a server says of a sign that the database cannot hold, with the sign itself.

    >>> in_words('character with byte sequence 0xe0 0xb8 0xaa in encoding "UTF8" has no equivalent', "LATIN1")
    'this database is in encoding LATIN1, which has no “ส”'
    """
    try:
        sign = bytes.fromhex("".join(_BYTES.findall(message))).decode()
    except ValueError:
        return message
    return f"this database is in encoding {server_encoding}, which has no “{sign}”" if sign else message
