{#- Adds the days of all spend after a new fit: under a data-driven model, which has no row before its first fit, they
    may have none yet, though no credit of theirs was touched. -#}
{% macro stale_spend() %}{{ return(adapter.dispatch('stale_spend', 'attribution')()) }}{% endmacro %}
{% macro duckdb__stale_spend() -%}
    {{ add_spend('exists (' ~ few_keys(fits_moved()) ~ ')') }};
{%- endmacro %}
{% macro bigquery__stale_spend() -%}
    if exists ({{ fits_moved() }}) then
        {{ add_spend('true') }};
        {{ set_partitions() }}
    end if;
{%- endmacro %}

{% macro add_spend(condition) -%}
    insert into {{ this_run() }} (batch_id, touched_key)
    select (select max(p.batch_id) from {{ this_run() }} as p), {{ key_text('s.spend_date') }}
    from (select distinct spend_date from {{ ref('int_ad_spend') }}) as s
    where {{ condition }}
{%- endmacro %}
