-- One row a conversion date, model and channel.
{{ config(meta={'replaces': 'conversion_date'}, indexes=[{'columns': ['conversion_date']}]) }}
with credits as (
    {%- for name, mart in [('first_click', 'mart_attribution_first'), ('last_click', 'mart_attribution_last')] %}
    select conversion_date, '{{ name }}' as model, channel, revenue, net_revenue
    from {{ ref(mart) }}
    where {{ touched_only('conversion_date') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    conversion_date,
    model,
    channel,
    count(*) as conversions,
    {{ money('sum(revenue)') }} as revenue,
    {{ money('sum(net_revenue)') }} as net_revenue,
    {{ money('null') }} as spend,
    {{ money('null') }} as roas
from credits
group by conversion_date, model, channel
