-- One row a row of a landed GA4 export table; copies of one event are still apart.
-- The only place that knows the export's nesting and its schema versions.
{{ config(meta={'makes': ['__grown_rows']}) }}
with exported as (
    {{ exported_events() }}
),

listed as (
    select
        *,
        {{ param_lists() }},
        {{ row_hash() }} as row_hash,
        {{ text_or_null('event_name') }} as sent_name,
        {{ text_or_null('user_id') }} as sent_user_id,
        {{ text_or_null('ecommerce.transaction_id') }} as sent_transaction_id
    from exported
),

unpacked as (
    select
        *,
        {%- for key in ['page_location', 'page_referrer', 'gclid', 'gbraid', 'wbraid', 'dclid', 'msclkid', 'srsltid',
            'source', 'medium', 'campaign', 'currency'] %}
        {{ event_param(key) }} as param_{{ key }},
        {%- endfor %}
        {{ shard_arrival('shard') }} as received_at
    from listed
),

fields as (
    select
        shard,
        cast(null as {{ dbt.type_bigint() }}) as line_number,
        row_hash,
        cast(null as {{ dbt.type_string() }}) as event_id,
        {{ text_or_null('user_pseudo_id') }} as user_pseudo_id,
        sent_user_id,
        {{ real_user('sent_user_id') }} as user_id,
        event_timestamp as event_at,
        received_at,
        sent_name as event_name,
        batch_page_id,
        batch_ordering_id,
        batch_event_index,
        event_bundle_sequence_id,
        {{ text_or_null('param_page_location') }} as page_location,
        {{ text_or_null('param_page_referrer') }} as page_referrer,
        {{ text_or_null('device.category') }} as device_category,
        coalesce(
            {{ text_or_null('collected_traffic_source.gclid') }}, {{ text_or_null('collected_traffic_source.dclid') }},
            {{ text_or_null('param_gclid') }}, {{ text_or_null('param_gbraid') }},
            {{ text_or_null('param_wbraid') }}, {{ text_or_null('param_dclid') }}
        ) as google_click_id,
        {{ text_or_null('param_msclkid') }} as microsoft_click_id,
        coalesce(
            {{ text_or_null('collected_traffic_source.srsltid') }}, {{ text_or_null('param_srsltid') }}
        ) as merchant_click_id,
        {{ text_or_null('collected_traffic_source.manual_source') }} as collected_source,
        {{ text_or_null('collected_traffic_source.manual_medium') }} as collected_medium,
        {{ text_or_null('collected_traffic_source.manual_campaign_name') }} as collected_campaign,
        {{ text_or_null('param_source') }} as param_source,
        {{ text_or_null('param_medium') }} as param_medium,
        {{ text_or_null('param_campaign') }} as param_campaign,
        {{ text_or_null('session_traffic_source_last_click.google_ads_campaign.campaign_name') }} as ads_campaign,
        {{ ga4_session_source() }},
        sent_transaction_id,
        {{ real_order('sent_transaction_id') }} as transaction_id,
        {{ ga4_amount() }},
        {{ sent_items('sent_name', 'items', 'i.{}', 'i.{}', 'coalesce(i.quantity, 1)') }},
        cast(null as {{ dbt.type_string() }}) as items_issue,
        cast(null as {{ dbt.type_string() }}) as amount_text,
        {{ reject_reason('event_timestamp', 'sent_name', 'received_at') }} as reject_reason,
        case
            when {{ reject_reason('event_timestamp', 'sent_name', 'received_at') }} is not null
                then {{ row_json([
                    'event_timestamp', 'event_name', 'user_pseudo_id', 'user_id', 'event_params', 'ecommerce',
                ]) }}
        end as payload
    from unpacked
),

{{ staged_event('fields') }}
