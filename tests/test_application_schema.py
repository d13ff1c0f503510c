"""The fixture of the platform's own database is what its users build: people with accounts, and an owner with no special rights."""

from __future__ import annotations

import psycopg

from tests.conftest import APPLICATION_OWNER, url_as
from tests.servers import Database


def test_its_owner_is_no_superuser_and_row_security_is_on_everywhere(application_database_everywhere: Database) -> None:
    db = application_database_everywhere
    owners = db.execute(
        "select distinct pg_get_userbyid(relowner) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')"
    )
    assert owners == [(APPLICATION_OWNER,)]
    assert db.value("select rolsuper or rolbypassrls from pg_roles where rolname = %s", [APPLICATION_OWNER]) is False
    assert db.value("select bool_and(relrowsecurity) from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'")
    assert db.value("select count(*) from pg_publication_tables where pubname = 'supabase_realtime'") == 3


def test_the_set_up_page_makes_the_first_admin_as_anon(application_database_everywhere: Database) -> None:
    with application_database_everywhere.connect() as page:
        page.execute("set role anon")
        assert page.execute("select has_admin()").fetchone() == (False,)
        page.execute("select create_initial_admin('a@example.test', 'Ada', 'secret')")
        assert page.execute("select has_admin()").fetchone() == (True,)


def test_its_owner_takes_it_over_and_migrates_it(migrated_application_database_everywhere: Database) -> None:
    db = migrated_application_database_everywhere
    assert db.value("select count(*) from chatops.migrations where state = 'applied'") > 8
    with psycopg.connect(url_as(db, APPLICATION_OWNER), autocommit=True) as owner:
        assert owner.execute("show search_path").fetchone() == ('"$user", public, extensions',)
