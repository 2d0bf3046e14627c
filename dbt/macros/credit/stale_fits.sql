{#- Adds people whose conversions another fit weighs than their rows say, though nothing of theirs was touched: after a
    new fit. They are a batch of its own, told as a rebuild, so that the models below and the checks look at them. -#}
{% macro stale_fits() %}
    {%- call on_all_days_if(fits_moved()) %}
    insert into {{ this_run() }} (touched_key)
    with models as ({{ models_by_date() }}),
    expected as (
        select c.conversion_id, c.person_id, m.model, m.fit_id
        from {{ ref('int_conversions') }} as c
        inner join models as m on m.from_date <= c.conversion_date and m.until_date > c.conversion_date
        where m.fit_id is not null and {{ pruned(ref('int_conversions')) }}
    ),
    found as (
        select distinct conversion_id, person_id, model, fit_id from {{ this }} as a
        where fit_id is not null and {{ pruned(this) }}
    ),
    stale as (
        select distinct coalesce(e.person_id, f.person_id) as person_id
        from expected as e
        full outer join found as f on f.conversion_id = e.conversion_id and f.model = e.model
        where f.fit_id is distinct from e.fit_id
    )
    select s.person_id from stale as s;
    insert into {{ journal() }} (batch_id, entry, model)
    select b.batch_id, 'rebuilt', '{{ this.identifier }}' from {{ batches() }} as b
    where not exists (
        select 1
        from {{ entries_this_run() }} as j
        where j.batch_id = b.batch_id
    );
    {%- endcall %}
    {{ set_days() }}
{%- endmacro %}
