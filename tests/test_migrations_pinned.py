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
    "018_queue_clocks": "92dd794cbf370e7bd2aa7e813e694f3806e6f590445c4d29366457c05f4c3fb2",
    "019_queue_indexes": "350360f1a27f3a75011e261f344a8e33fa70f9bd86edd31177af27819bb6b298",
    "020_fill_queue_clocks": "35ac50716f18c82f51d879a9bd9c20cb1b480a6c95845e7c9805d09e931385e4",
    "021_write_path": "994df20546e073994c64d49e0e3ee4662aeb30c1a87d7279aa3343dfb063979b",
    "022_stop_new_damage": "17e1b37893064fdf27b61044c0a24aaa31cadbe367e6cf5df0fad6d627f359d9",
    "023_repair_rows": "bd217a354f6b8e0b54908d3e9cf67a3e75bf81c76ef130d56b920249f6fef6fc",
    "024_one_chat_per_operator": "7ad631c38b7a80c7d62d3fac14eeecb1b63754b8be1a57734ad9c462245c2786",
    "025_constraints": "647946e1cd08bf9f4ab7a26c928892e491e2d9a300d52c372de236e87e2eee27",
    "026_validate_constraints": "f4948d6ab9082b847d6b67b437761487dbe36a47b4a875b038d999e945292421",
    "027_privileges": "8509ec18347350e5aecdaed5a4513162b1b923da635034204c733222b4b4e00d",
    "028_partitioned_messages": "14fe8870b2a8c75966cabccf2b75032c815f3d83c2807c60543018897d96aabb",
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
