-- Which version of chatops wrote here last?
select r.chatops_version from chatops.runs as r where r.chatops_version is not null order by r.started_at desc limit 1
