{#- Landed rows less those of deleted people and devices (semantics L3), as the CTE `undeleted`. A join of comparisons
    alone, which both engines hash; the hashes are not worked out where there is no tombstone. Whoever was deleted stays
    so when ignored_user_ids lists the id later.
    include/deletion/tombstones.py says the same for what is not staged yet. -#}
{% macro without_deleted(fields) -%}
tombstones as (
    select t.* from {{ tombstones() }} as t
),
-- one row, in a run without tombstones too
any_tombstone as (
    select count(*) > 0 as is_there from tombstones
),
keyed_fields as (
    select
        f.*,
        case when s.is_there then {{ md5_hex('f.sent_user_id') }} end as user_hash,
        case when s.is_there then {{ md5_hex('f.user_pseudo_id') }} end as device_hash,
        case when s.is_there and f.user_id is null then {{ md5_hex('f.user_pseudo_id') }} end as anonymous_hash,
        case when s.is_there then {{ md5_hex('f.event_id') }} end as event_hash
    from {{ fields }} as f
    cross join any_tombstone as s
),
undeleted as (
    select k.*
    from keyed_fields as k
    {%- for kind in ['user', 'device', 'anonymous', 'event'] %}
    left join tombstones as {{ kind }}_t
        on {{ kind }}_t.kind = '{{ kind }}'
        and {{ kind }}_t.key_hash = k.{{ kind }}_hash
        and {{ kind }}_t.from_at <= coalesce(k.event_at, k.received_at)
        and {{ kind }}_t.until_at > coalesce(k.event_at, k.received_at)
        and {{ kind }}_t.deleted_at > least(coalesce(k.event_at, k.received_at), k.received_at)
    {%- endfor %}
    where {% for kind in ['user', 'device', 'anonymous', 'event'] -%}
        {{ kind }}_t.kind is null{{ ' and ' if not loop.last }}
    {%- endfor %}
)
{%- endmacro %}
