-- Fills messages: a user's line or two, then the answer of the operator who had the chat.
insert into messages (id, chat_id, sender_type, content, handled_by_operator_id, is_free_message, created_at, delivered_at, read_at)
select pg_temp.made_id('message ' || s.seed || ' ' || t.number || ' ' || t.turn || ' ' || m.kind),
       c.id,
       case m.kind when 3 then 'fictional' else 'real' end,
       -- The turns of a chat follow one another in the list, so that nobody repeats themselves within a chat.
       case m.kind
         when 1 then (array[
           'Hi, how was your day?','I just got home from work, finally.','Did you see the sunset tonight?','I keep thinking about what you said.',
           'It has been raining here since Monday.','What are you reading at the moment?','My sister is visiting this weekend.',
           'Do you like cooking? I made far too much soup.','I could not sleep, so I am writing to you.','Which town did you grow up in?',
           'I have a new bike and sore legs.','Tell me something nobody knows about you.','Are you still there?','The match was terrible.',
           'I found that song you told me about.','Coffee or tea?','My cat has taken your side, by the way.','Guess where I am right now.',
           'I have been meaning to ask you something.','Sorry for yesterday, I fell asleep on the sofa.','Is it late where you are?',
           'Happy Friday!','What would you do with a free week?','I passed my exam!'])
           [1 + (floor(24 * pg_temp.dice(s.seed, t.number, 17))::integer + t.turn) % 24]
         when 2 then (array[
           'And you?','Anyway, write when you can.','I mean it.','No hurry.','Hello?','There is more to that story.','Just curious.',
           'Ignore the spelling, I am on the train.','That came out wrong.','Also, good morning.','I should have started with that.','Miss talking to you.'])
           [1 + (floor(12 * pg_temp.dice(s.seed, t.number, 18))::integer + t.turn) % 12]
         else (array[
           'It was long, but your message made it shorter.','Tell me more about that.','I laughed out loud on the bus.','Tea, always tea. And you?',
           'You remembered! That is kind.','I was hoping you would write.','Here it is sunny, I will send some over.','That sounds like a good plan.',
           'I would go to the sea and do nothing.','What happened next?','A book about bees, of all things.','Now I am hungry.',
           'Congratulations! How will you celebrate?','I grew up by a lake, far from anything.','Sleep is for the others.','Give the cat my regards.',
           'Ask away.','No need to be sorry.','You are up early.','I have never told anybody, but I sing in the car.','That is quite a view, I bet.',
           'I like how you put that.','Same here, honestly.','Let us talk about it tomorrow?'])
           [1 + (floor(24 * pg_temp.dice(s.seed, t.number, 19))::integer + t.turn) % 24]
       end,
       case m.kind when 3 then o.id end,
       m.kind < 3 and t.turn = 0 and pg_temp.dice(s.seed, t.number, 20) < 0.3,
       s.now - make_interval(secs => m.age),
       s.now - make_interval(secs => greatest(m.age - 1, 0)),
       case when m.kind < 3 then s.now - make_interval(secs => t.taken_age)
            when t.turn > 0 then s.now - make_interval(secs => greatest(m.age - 40, 0)) end
  from demo_setting as s
 cross join demo_turn as t
  join demo_chat as c on c.number = t.number
  left join demo_operator as o on o.team = t.team and o.place = t.place
 cross join lateral (values (1, t.began_age), (2, t.second_age), (3, t.answered_age)) as m (kind, age)
 where m.age is not null;
