"""A shipped migration keeps its text: databases remember its checksum. A new one is pinned here when it is released."""

from __future__ import annotations

import hashlib

from tests.conftest import ROOT

PINNED = {
    "001_chat_core": "61a617dfa013377dc898906dbb4a8e731b851dda8952ee5b4d1489e0fbc080ec",
    "014_chat_state_management": "cfbf6d9511f118d1b1ed485725c3b5bfd68aae8e635799747d6931ec24019f09",
    "015_fix_assignment_function": "c2f334a28561c62db63a990f8ae5b21182a4d8e3d340e4cf2d6d3a837f6311f4",
    "016_chat_state_verification": "e07d505c7ef6a7eb560c4be4910859ebca6d621967743e7469b81aa337ecc785",
    "017_fix_concurrent_messages": "997e02e40019e2d4eb2d88d31e87acc63277a7988e5beabdee4810b2e7790fae",
    "018_queue_clocks": "3ed76ab8c9240d1229f946c0f1f4c9bcfdf500c16595e24dea0cb0d8d0c31e75",
    "019_queue_indexes": "350360f1a27f3a75011e261f344a8e33fa70f9bd86edd31177af27819bb6b298",
    "020_fill_queue_clocks": "35ac50716f18c82f51d879a9bd9c20cb1b480a6c95845e7c9805d09e931385e4",
    "021_write_path": "82bdc8dd5379015021ac658a78ae878f199e03324e92dc937602bc242db05311",
    "022_stop_new_damage": "2ea549166f3bc9282f445743b68c7b55856ccca9abd2a84172899dd59b411324",
    "023_repair_rows": "bd217a354f6b8e0b54908d3e9cf67a3e75bf81c76ef130d56b920249f6fef6fc",
    "024_one_chat_per_operator": "7ad631c38b7a80c7d62d3fac14eeecb1b63754b8be1a57734ad9c462245c2786",
    "025_constraints": "447b21e8226f7426762119df58fad672bcbe65668d8ff2cb360ea366a813eb8b",
    "026_validate_constraints": "f4948d6ab9082b847d6b67b437761487dbe36a47b4a875b038d999e945292421",
    "027_privileges": "8509ec18347350e5aecdaed5a4513162b1b923da635034204c733222b4b4e00d",
    "028_partitioned_messages": "82b4c7f63bb9a84c87439d19e1fd315014ed26f8db77f92110f551815f7f2f59",
}


def test_a_shipped_migration_is_never_edited() -> None:
    found = {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((ROOT / "sql" / "migrations").glob("*.sql"))
    }
    edited = sorted(name for name, digest in PINNED.items() if found.get(name) != digest)
    assert not edited, f"{', '.join(edited)}: databases have this text from us; leave it, the next number answers it"
    newest = max(PINNED)
    unpinned = sorted(name for name in found.keys() - PINNED.keys() if name < newest)
    assert not unpinned, f"pin what is shipped: add {', '.join(unpinned)} to PINNED"
