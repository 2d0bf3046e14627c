-- A user_id seen on more devices than one person has: a text that many visitors share, as one for guests is. They are
-- one person until it is put on ignored_user_ids; a person's real id is not.
select user_id, count(distinct user_pseudo_id) as devices, 'ignored_user_ids' as setting
from {{ ref('int_events') }}
where user_id is not null
group by user_id
having count(distinct user_pseudo_id) > {{ var('max_devices_per_user') }}
order by devices desc, user_id asc
