{#- A day's credit under each model beside its spend, a row a day, model and `keys`: whichever of the two there is (A3).
    The spend of a day is the same under each model. Keys are columns of mart_attribution and of int_ad_spend.
    Usage in a model that replaces conversion_date: {{ earned_and_spent(['channel']) }} -#}
{% macro earned_and_spent(keys) -%}
{%- set these = ['conversion_date', 'model'] + keys -%}
with credits as (
    select
        {{ these | join(', ') }},
        sum(credit) as conversions,
        sum(case when customer_type = 'new' and {{ is_order('event_name', 'transaction_id') }} then credit else 0 end)
            as new_customers,
        {{ money('sum(revenue)') }} as revenue,
        {{ money('sum(net_revenue)') }} as net_revenue
    from {{ rows_of_keys(ref('mart_attribution'), 'conversion_date') }} as a
    group by {{ these | join(', ') }}
    having sum(a.credit + a.revenue + a.net_revenue) > 0
),

models as ({{ model_names() }}),

spent as (
    select
        s.spend_date as conversion_date, m.model
        {%- for key in keys %}, s.{{ key }}{% endfor %},
        {{ money('sum(s.spend)') }} as spend,
        sum(s.clicks) as clicks,
        sum(s.impressions) as impressions
    from {{ ref('int_ad_spend') }} as s
    cross join models as m
    where s.is_counted and {{ touched_only('s.spend_date') }}
    group by s.spend_date, m.model{% for key in keys %}, s.{{ key }}{% endfor %}
),

days as (
    select
        {%- for key in these %}
        coalesce(c.{{ key }}, s.{{ key }}) as {{ key }},
        {%- endfor %}
        coalesce(c.conversions, 0) as conversions,
        coalesce(c.new_customers, 0) as new_customers,
        coalesce(c.revenue, 0) as revenue,
        coalesce(c.net_revenue, 0) as net_revenue,
        s.spend, s.clicks, s.impressions
    from credits as c
    full outer join spent as s
        on {% for key in these %}s.{{ key }} = c.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
)
{%- endmacro %}
