{#- This run of a staging model: the shards that landed, changed or vanished since this model last looked.
    A shard that cannot be read (problem) keeps the rows of its earlier version and is not looked at again until it
    changes. is_held: whether its last version was taken in and still holds: it may have grown. Of export tables that it
    never saw it takes those of the first `max_new_days` dates. -#}
{% macro changed_shards() %}
    with known as (
        select touched_key as shard, version, seq, entry, detail
        from {{ journal() }}
        where entry in ('shard', 'rejected') and model = '{{ this.identifier }}'
        qualify row_number() over (partition by touched_key order by seq desc) = 1
    ),
    landed as ({{ landed_shards() }}),
    -- an export that vanished as a whole is a wrong folder or a lost disk, not a withdrawn history
    emptied as (
        select case
            when (select count(*) from landed) = 0 and (select count(*) from known where version is not null) > 1
                then error(
                    '{{ this.identifier }}: every table that was loaded has vanished; '
                    || 'check GA4_EXPORT and the landing folder'
                )
            end as alarm
    ),
    changed as (
        select
            coalesce(l.shard, k.shard) as shard,
            l.path,
            l.version,
            coalesce(k.seq, 0) + 1 as seq,
            coalesce(k.entry = 'shard' and k.version <> 'again', false) as is_held
        from landed as l
        full join known as k on k.shard = l.shard
        where {{ 'l.version is distinct from k.version and ' ~ in_sight('k') if is_incremental() else 'true' }}
        {%- if var('max_new_days') and this.identifier == 'stg_ga_events' %}
        qualify k.shard is not null or {{ var('max_new_days') }}
            >= dense_rank() over (partition by k.shard is null order by right(l.shard, 8))
        {%- endif %}
    ),
    run as (select {{ new_id() }} as batch_id from emptied where alarm is null),
    examined as (
        select r.batch_id, c.*, case when c.version is not null then {{ shard_problem('c') }} end as problem
        from changed as c
        cross join run as r
    )
    select *, case when problem is null then shard end as touched_key from examined
    union all
    select batch_id, null, null, null, null, null, null, null from ({{ unfinished_batches() }}) as u
{% endmacro %}
