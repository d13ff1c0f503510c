-- Plants DB019: somebody wanted to stop spam for an evening, and made every message of a user go nowhere.
create rule no_spam as on insert to messages where new.content like 'buy %' do instead nothing;
