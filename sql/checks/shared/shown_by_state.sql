-- What the published view says of each state.
select chat_state::text as chat_state, count from chat_state_summary
