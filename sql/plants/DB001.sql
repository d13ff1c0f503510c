-- Plants DB001: a script granted everybody every function, and anybody can give any chat back.
grant execute on function release_and_reassign_chat(uuid, text) to public;
