-- One row a distinct accepted event, with the person it belongs to.
{{ config(
    meta={
        'replaces': 'device_key', 'at': 'event_date', 'logs': 'person_id', 'logged_at': 'event_at',
        'also': 'event_mates', 'begins': 'empty_device_days', 'beside': 'keep_device_days', 'then': 'find_first_event',
    },
    partition_by={'field': 'event_date', 'data_type': 'date'},
    cluster_by=['person_id'],
) }}
with {{ distinct_event_ctes() }},

{{ device_user_ctes('events') }}

select
    e.*,
    -- I1, I4: the event's own user, the shared device's user at that time, the device's only user, the device itself
    coalesce(e.user_id, s.user_at, d.only_user, e.user_pseudo_id, e.device_key) as person_id
from events as e
left join device_users as d on d.user_pseudo_id = e.user_pseudo_id and d.users = 1
left join shared_devices as s on s.event_key = e.event_key
