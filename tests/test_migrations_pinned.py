"""A shipped migration keeps its text: databases remember its checksum. A new one is pinned here when it is released."""

from __future__ import annotations

import hashlib

from tests.conftest import ROOT

PINNED = {
    "001_chat_core": "61a617dfa013377dc898906dbb4a8e731b851dda8952ee5b4d1489e0fbc080ec",
    "014_chat_state_management": "5a9452f922d2c8c3ab6a0664dcd099cdeee0ef759b128529f100e66a32fadf54",
    "015_fix_assignment_function": "60cd3ec3cd72b3f3b1fd332ecd0f8be19f3f477f9eaf96032d10f7d83b19b5c2",
    "016_chat_state_verification": "c61d7128eb9216f7b0a2dc4df481ba48e6ba6ff0ed810952cdfc4fe02f2bf2d8",
    "017_fix_concurrent_messages": "997e02e40019e2d4eb2d88d31e87acc63277a7988e5beabdee4810b2e7790fae",
    "018_queue_clocks": "03c1c45d17f35e640a0d9e2d788d691d77609b8a87305cc8f410bd6c32c6ce46",
    "019_queue_indexes": "e0b8f4f5edcd1d85b99507e2ce5a2a0031585ab5fe918b9c4dbabd736675b5b0",
    "020_fill_queue_clocks": "920beb6825f9a44fc70e25c285760d144b655a8a9ca3311bca206a7173eb9993",
    "021_write_path": "4141d9fb735b3366095c5de94337722255b1ec7707422ad201e38f4ec3dd2cd7",
    "022_stop_new_damage": "ec2bd3953e47489ce51a6bcdc996b6e8ac7b02165d21b6f1a3408b41a233781a",
    "023_repair_rows": "bd217a354f6b8e0b54908d3e9cf67a3e75bf81c76ef130d56b920249f6fef6fc",
    "024_one_chat_per_operator": "2b4c0aebd577566102fd679b1fe3a47e1080a98af4df1b1fdfeafb219e81a785",
    "025_constraints": "cd7568246c753a4240f4dda5f3d5e178c01b58780d561190e758c853215a8b3c",
    "026_validate_constraints": "f4948d6ab9082b847d6b67b437761487dbe36a47b4a875b038d999e945292421",
    "027_privileges": "8509ec18347350e5aecdaed5a4513162b1b923da635034204c733222b4b4e00d",
    "028_partitioned_messages": "938fdcebd3b2e956fd97f54440134f1c158e47f6dd850f84f415404f9cfa5d0c",
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
