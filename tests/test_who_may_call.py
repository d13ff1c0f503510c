"""docs/safety.md says which functions a server's login may be granted, and that grant gives it all of them and breaks nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from chatops.chats.scenarios import DAY
from tests.conftest import APPLICATION_OWNER, ROOT, url_as
from tests.servers import Database

SAFETY = ROOT / "docs" / "safety.md"
CALLS = """select p.oid::regprocedure::text from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
  where n.nspname = 'public' and has_function_privilege(%s::name, p.oid, 'execute') and p.prosecdef"""


def test_the_grant_of_the_docs_gives_a_login_what_service_role_may_call_and_no_check_minds(
    migrated_application_database: Database, chatops_inprocess: Callable[..., Any]
) -> None:
    database = migrated_application_database
    blocks = re.findall(r"^```sql\n(grant .*?)\n```$", SAFETY.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    assert blocks[0].endswith(" to app_user;")
    owner = url_as(database, APPLICATION_OWNER)

    def wrong() -> set[str]:
        found = json.loads(chatops_inprocess("diagnose", "-o", "json", db=owner).stdout)
        return {one["code"] for one in found["findings"]}

    with database.role("app") as app:
        database.execute(f"grant select, insert, update, delete on all tables in schema public to {app}")
        for table in ("chats", "messages", "operators", "chat_assignments", "operator_activity"):
            database.execute(f"create policy everything on {table} to {app} using (true) with check (true)")
        database.execute(
            f"grant execute on function assign_chat_to_operator(uuid), release_and_reassign_chat(uuid, text) to {app}"
        )
        before, open_to_all = wrong(), {row[0] for row in database.execute(CALLS, ("anon",))}
        database.execute(blocks[0].replace("app_user", app))
        assert {row[0] for row in database.execute(CALLS, ("service_role",))} - open_to_all <= {
            row[0] for row in database.execute(CALLS, (app,))
        }
        assert wrong() <= before
        database.execute(f"grant {app} to {APPLICATION_OWNER}")
        steps = json.loads(chatops_inprocess("verify", "--scenarios", "-o", "json", db=owner, check=0).stdout)["scenarios"]
        seen = {act: step["seen"] for act in DAY for step in steps if step["name"] == f"as {app}: {act}"}
        assert set(seen) == set(DAY)
        assert not [act for act, told in seen.items() if "not by" in told], seen
