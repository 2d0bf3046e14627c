{#- Rates with the dates they hold for; the newest valid one counts. -#}
{% macro rates_cte() -%}
rates as (
    select
        upper(currency) as currency, usd_per_unit, valid_from,
        lead(valid_from) over (partition by upper(currency) order by valid_from) as valid_before
    from {{ ref('exchange_rates') }}
)
{%- endmacro %}

{#- Usage: left join rates as r on {{ rate_holds('e', 'r') }} -#}
{% macro rate_holds(event, rate) -%}
    {{ rate }}.currency = {{ event }}.currency and {{ rate }}.currency <> 'USD'
    and {{ rate }}.valid_from <= {{ utc_date(event ~ '.event_at') }}
    and ({{ rate }}.valid_before is null or {{ utc_date(event ~ '.event_at') }} < {{ rate }}.valid_before)
{%- endmacro %}
