"""Who acts on a jump host: the account, and who became it, by the word of the kernel or of sudo."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chatops import accounts, provenance

HERE = accounts.own_name() or str(os.getuid())


@pytest.fixture
def no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel that knows of no login, as in a container."""
    file = tmp_path / "loginuid"
    file.write_text(str(accounts.NOBODY))
    monkeypatch.setattr(accounts, "LOGGED_IN", file)
    return file


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, ""), ({"SUDO_USER": "ada"}, " (ada by sudo)"), ({"DOAS_USER": "ada"}, " (ada by doas)"), ({"SUDO_USER": HERE}, ""),
        ({"SUDO_USER": ""}, ""), ({"SUDO_USER": "a\x1b[1mda"}, " (a\\x1b[1mda by sudo)"), ({"USER": "mallory", "LOGNAME": "mallory"}, ""),
    ],
)  # fmt: skip
def test_who_became_the_account_stands_behind_it(no_login: Path, environ: dict[str, str], told: str) -> None:
    assert provenance.os_user(environ) == f"{HERE}@{os.uname().nodename}{told}"


def test_the_kernels_word_counts_before_a_variable_that_anybody_can_set(no_login: Path) -> None:
    other = next(number for number in range(1, 10) if number != os.getuid() and accounts.name_of(number))
    no_login.write_text(str(other))
    assert (provenance.os_user({"SUDO_USER": "ada"}) or "").endswith(f" ({accounts.name_of(other)} by login)")
    no_login.write_text(str(os.getuid()))
    assert "(" not in (provenance.os_user({"SUDO_USER": "ada"}) or "")
    no_login.unlink()
    assert (provenance.os_user({"SUDO_USER": "ada"}) or "").endswith(" (ada by sudo)")
