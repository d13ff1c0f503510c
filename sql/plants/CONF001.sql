-- Plants CONF001: the settings page saved the limit as text; no chat can be released any more.
update platform_config set value = '"3"' where key = 'max_reassignments';
