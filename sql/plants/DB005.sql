-- Plants DB005: a constraint was added NOT VALID, and the VALIDATE that belongs to it never ran.
alter table messages add constraint chk_message_has_text check (content <> '') not valid;
