-- A chat that nobody holds any more waits for whom its messages say. l: what was locked, with answered and spoken_at
chat_state = case when l.answered then 'waiting_real_user_reply' else 'waiting_assignment' end,
assigned_operator_id = null,
assignment_time = null,
operator_replied_at = case when l.answered then l.spoken_at else l.operator_replied_at end,
updated_at = pg_catalog.now()
