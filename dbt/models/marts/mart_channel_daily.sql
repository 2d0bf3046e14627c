-- One row a conversion date, model and channel.
{{ config(
    meta={'replaces': 'conversion_date'},
    indexes=[{'columns': ['conversion_date']}],
    partition_by=by_day('conversion_date'),
    cluster_by=['model', 'channel'],
) }}
with credits as (
    {%- for name, mart in [('first_click', 'mart_attribution_first'), ('last_click', 'mart_attribution_last')] %}
    select conversion_date, '{{ name }}' as model, channel, revenue, net_revenue
    from {{ looked_up(ref(mart), touched_only('conversion_date')) }} as m
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
