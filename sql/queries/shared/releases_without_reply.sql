-- How often a chat was given back since the last reply. c: its row
c.releases_without_reply
