-- The campaigns of a day, model and channel do not add up to the channel: one of the two marts was left behind.
{%- set marts = {'campaigns': 'mart_campaign_daily', 'channels': 'mart_channel_daily'} %}
with
{%- for name, mart in marts.items() %}
{{ name }} as (
    select
        conversion_date, model, channel,
        sum(conversions) as conversions, sum(revenue) as revenue, sum(net_revenue) as net_revenue, sum(spend) as spend,
        sum(new_customers) as new_customers, sum(clicks) as clicks, sum(impressions) as impressions
    from {{ unpublished(ref(mart), 'conversion_date') }} as d
    group by conversion_date, model, channel
){{ ',' if not loop.last }}
{%- endfor %}

select c.conversion_date, c.model, c.channel, d.conversion_date as daily_date, d.model as daily_model
from campaigns as c
full outer join channels as d on d.conversion_date = c.conversion_date and d.model = c.model and d.channel = c.channel
where c.conversion_date is null or d.conversion_date is null
    {%- for column in ['conversions', 'revenue', 'net_revenue', 'spend', 'new_customers', 'clicks', 'impressions'] %}
    or c.{{ column }} is distinct from d.{{ column }}
    {%- endfor %}
