-- One row a distinct accepted event, with the person it belongs to.
{{ config(
    meta={
        'replaces': 'device_key', 'since': 'event_at',
        'logs': ['person_id', 'transaction_id'] if by_shop() else 'person_id',
        'also': 'event_mates', 'then': 'find_first_event',
    },
    indexes=[{'columns': ['device_key']}, {'columns': ['person_id']}]
    + ([{'columns': ['transaction_id']}] if by_shop() else []),
    cluster_by=['device_key'],
) }}
{%- set columns = event_columns() | reject('in', ['page_location', 'page_referrer']) | list %}

with mine as (
    select * from {{ accepted_copies(touched_only('device_key')) }} as c
    where {{ in_this_run('c', 'device_key', 'event_at') }}
),

-- E1: an event that came more than once; copies on other devices compete too
rivals as (
    {%- set these = 'event_key in (' ~ few_keys('select event_key as key from mine') ~ ')' %}
    -- a rebuild reads them twice: DuckDB would write out what it uses twice
    select event_key from {{ accepted_copies(these if is_incremental() else 'true') }} as c
),

repeated as (
    select event_key from rivals group by event_key having count(*) > 1
),

ranked as (
    select
        r.*,
        row_number() over (
            partition by r.event_key
            order by
                r.received_at, r.shard,
                {%- for c in event_columns() if c not in ['event_key', 'received_at', 'device_key'] %}
                r.{{ c }} nulls first,
                {%- endfor %}
                r.device_key
        ) as copy_number
    from {{ accepted_copies('event_key in (select event_key from repeated)') }} as r
),

events as (
    select shard, {{ columns | join(', ') }}
    from mine as m
    where not exists (select 1 from repeated as d where d.event_key = m.event_key)
    union all
    select shard, {{ columns | join(', ') }}
    from ranked
    where copy_number = 1 and {{ in_this_run('ranked', 'device_key', 'event_at') }}
),

{{ device_user_ctes('events') }}

select
    e.*,
    -- I1, I4: the event's own user, the shared device's user at that time, the device's only user, the device itself
    coalesce(e.user_id, s.user_at, d.only_user, e.user_pseudo_id, e.device_key) as person_id
from events as e
left join device_users as d on d.user_pseudo_id = e.user_pseudo_id and d.users = 1
left join shared_devices as s on s.event_key = e.event_key
