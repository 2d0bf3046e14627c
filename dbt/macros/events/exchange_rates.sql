{#- Rates with the dates they hold for; the newest valid one counts. -#}
{% macro rates_cte() -%}
rates as (
    select
        upper(currency) as currency, usd_per_unit, valid_from,
        lead(valid_from) over (partition by upper(currency) order by valid_from) as valid_before
    from {{ ref('exchange_rates') }}
)
{%- endmacro %}

{#- Usage: left join rates as r on {{ rate_holds('e', 'r', utc_date('e.event_at')) }} -#}
{% macro rate_holds(amount, rate, day) -%}
    {{ rate }}.currency = {{ amount }}.currency and {{ rate }}.currency <> 'USD'
    and {{ rate }}.valid_from <= {{ day }}
    and ({{ rate }}.valid_before is null or {{ day }} < {{ rate }}.valid_before)
{%- endmacro %}
