{#- Staged rows with is_timely, as the CTE `timed` (semantics T4): whether an event may be the one that the history
    begins with. is_history: a batch may hold the past, sent afterwards; there late events of two devices vouch for each
    other. A row without device and user vouches for none. -#}
{% macro timed_ctes(rows, is_history) -%}
judged as (
    select
        *,
        coalesce(user_pseudo_id, 'user:' || user_id) as vouching_device,
        case when reject_reason is null and event_at < received_at - {{ late_micros() }} then event_at end as late_at
    from {{ rows }}
),
timed as (
    select
        *,
        late_at is null
        {%- if is_history %}
        or coalesce(
            min(vouching_device) over near_in_batch < max(vouching_device) over near_in_batch, false
        )
        {%- endif %} as is_timely
    from judged
    {%- if is_history %}
    window near_in_batch as (
        partition by shard order by late_at
        range between {{ late_micros() }} preceding and {{ late_micros() }} following
    )
    {%- endif %}
)
{%- endmacro %}

{% macro late_micros() %}{{ return(micros(days=var('max_late_days'))) }}{% endmacro %}
