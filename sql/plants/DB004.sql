-- Plants DB004: an import tool made the operators' counters numbers with fractions.
-- not-in-demo: a later migration would not go over it
alter table operators alter column total_messages type numeric;
