{#- The one of the seven channels of a source, medium and campaign: by the first of the user's own rules that holds,
    else what GA4's channel group rolls up to. Each argument is a SQL expression.

    Where all three and the group too are wanted {{ channel_ctes('triples') }} says it once: same answer, shorter SQL.
    Usage: select {{ get_channel('source', 'medium', 'campaign') }} as channel -#}
{% macro get_channel(source, medium, campaign) -%}
    {%- set rolled_up = roll_up_channel(get_channel_group(source, medium, campaign), medium) -%}
    {{ by_custom_rule(source, medium, campaign, 'channel', rolled_up) }}
{%- endmacro %}

{#- The channel of a channel group by the seed channel_rollup: its row with this medium, else its row for any medium,
    else Other. Two subqueries with one equality each, the form that BigQuery turns into joins; their own column names
    let an argument be called channel_group, medium or channel.
    Usage: select {{ roll_up_channel('channel_group', 'medium') }} as channel -#}
{% macro roll_up_channel(channel_group, medium) -%}
    {%- set rows -%}
        (
            select
                concat(cr.channel_group, '/', lower(coalesce(cr.medium, ''))) as rolled_up,
                cr.channel as rolled_up_to
            from {{ ref('channel_rollup') }} as cr
        )
    {%- endset -%}
    coalesce(
        (
            select max(r.rolled_up_to) from {{ rows }} as r
            where r.rolled_up = concat({{ channel_group }}, '/', {{ channel_text(medium) }})
        ),
        (select max(r.rolled_up_to) from {{ rows }} as r where r.rolled_up = concat({{ channel_group }}, '/')),
        'Other'
    )
{%- endmacro %}
