"""What a user's message costs, before and after the files that keep a chat in order: part of `make bench-assign`."""

from __future__ import annotations

from benchmarks import population
from benchmarks.servers import Server
from benchmarks.session import Bench

CHATS = 100_000
WAITING, ANSWERED = "message into a chat that waits", "message that makes a chat wait"
CHAT = population.key(population.CHAT, ":chat::bigint")
INSERT = f"insert into messages (chat_id, sender_type, content) values ({CHAT}, 'real', 'hello');\n"
# The application's own second request, which the newer files make needless: the chat is there already.
THEN = f"""update chats set chat_state = 'waiting_assignment', last_message_at = now(), updated_at = now()
 where id = {CHAT};
"""


def script(case: str, *, original: bool) -> str:
    """What one client sends for one message; the deployed original needs a second request where the chat changes its state."""
    # A chat that waits is written to again and again; one that was answered once, in an order that two clients never share.
    chat = f"\\set chat random(1, {CHATS})\n" if case == WAITING else "select nextval('writing') as chat \\gset\n"
    return chat + INSERT + (THEN if original and case == ANSWERED else "")


def filled(server: Server, case: str, to: str) -> str:
    """A database with chats of one message each; its name."""
    name = f"message_{case.split()[1]}_{to}"
    with population.migrated(server, name, to) as connection:
        state = "waiting_assignment" if case == WAITING else "waiting_real_user_reply"
        population.chats(connection, 1, CHATS, state, latest=to != "017")
        connection.execute(f"create sequence writing cache 100 minvalue 1 maxvalue {CHATS} cycle".encode())
        population.settle(connection)
    return name


def hold(bench: Bench, clients: str) -> None:
    """Holds the figures against what is promised."""
    for case in (WAITING, ANSWERED):
        dearer = bench.ratio(f"{clients}, {case}", "the deployed original", "chatops")
        bench.limit(f"{clients}, {case}: at most 1.4 × the time of the application's own trigger", 1.4, dearer)
