{#- GA4's streaming export adds rows to an intraday table all day (semantics E3). Of such a table that a run finds
    changed, the rows that are not staged yet are looked for; where each staged row is still there, they are all that
    the run takes in. Rows are told apart by their hashes, because events of an older time come late, and a time or a
    count alone tells neither which rows are new nor whether one changed. -#}

{#- The rows that are landed and not staged, in the columns that staging reads, and those that are staged and not landed
    any more: held_shard. -#}
{% macro grown_rows() %}{{ return(beside('__grown_rows')) }}{% endmacro %}

{#- Whether a shard of this run can have grown: what is staged of it is all of its last version. -#}
{% macro can_have_grown() -%}
    is_held and version is not null and problem is null and {{ is_intraday('shard') }}
{%- endmacro %}

{#- Makes the table of these landed rows. A shard that lost none has no key in this run: nothing of it is replaced. -#}
{% macro find_grown_rows(landed) %}
    {{ create_beside(grown_rows()) }}
    with landed as (
        select l.*, row_number() over (partition by l.shard, l.row_hash) as copy_number
        from (select e.*, {{ row_hash() }} as row_hash from ({{ landed }}) as e) as l
    ),
    held as (
        select
            s.shard as held_shard,
            s.row_hash as held_hash,
            row_number() over (partition by s.shard, s.row_hash) as held_number
        from {{ this }} as s
        where {{ pruned(this) }} and s.shard in (select shard from {{ this_run() }} where {{ can_have_grown() }})
    )
    select *
    from landed as l
    full join held as h
        on h.held_shard = l.shard and h.held_hash = l.row_hash and h.held_number = l.copy_number
    where l.shard is null or h.held_shard is null;

    update {{ this_run() }} set touched_key = null
    where {{ can_have_grown() }}
        and shard not in (select held_shard from {{ grown_rows() }} where held_shard is not null);
    {{ set_shard_days() }}
{% endmacro %}

{#- The rows of the shards that grew, for staging to read beside the shards that it reads whole. -#}
{% macro rows_of_growth() -%}
    select shard, {{ export_fields() | join(', ') }}
    from {{ grown_rows() }}
    where shard is not null and not {{ touched_only('shard') }}
{%- endmacro %}
