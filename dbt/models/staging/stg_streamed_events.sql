-- One row a streamed line; copies of one event are still apart. The only place that knows the line's JSON.
with lines as (
    {{ streamed_lines() }}
),

parsed as (
    select
        shard,
        line_number,
        line,
        landed_at,
        {{ json_object_or_null('line') }} as event
    from lines
),

texts as (
    select
        shard,
        line_number,
        line,
        landed_at,
        {%- for field in streamed_fields() %}
        {{ text_or_null(json_field('event', field)) }} as {{ field }}_text,
        {%- endfor %}
        {{ json_list('event', 'items') }} as item_list,
        {{ json_list_issue('event', 'items') }} as item_list_issue,
        event is null as is_unreadable
    from parsed
),

typed as (
    select
        *,
        {{ try_whole('event_timestamp_text') }} as event_at,
        {{ arrival(try_whole('received_at_text'), 'landed_at') }} as received_at,
        {{ try_float('value_text') }} as raw_amount
    from texts
),

fields as (
    select
        shard,
        line_number,
        cast(null as {{ dbt.type_string() }}) as row_hash,
        event_id_text as event_id,
        user_pseudo_id_text as user_pseudo_id,
        user_id_text as sent_user_id,
        {{ real_user('user_id_text') }} as user_id,
        event_at,
        received_at,
        event_name_text as event_name,
        {%- for place in ['batch_page_id', 'batch_ordering_id', 'batch_event_index', 'event_bundle_sequence_id'] %}
        cast(null as {{ dbt.type_bigint() }}) as {{ place }},
        {%- endfor %}
        page_location_text as page_location,
        page_referrer_text as page_referrer,
        device_category_text as device_category,
        coalesce(gclid_text, gbraid_text, wbraid_text, dclid_text) as google_click_id,
        msclkid_text as microsoft_click_id,
        srsltid_text as merchant_click_id,
        source_text as param_source,
        medium_text as param_medium,
        campaign_text as param_campaign,
        {%- for name in ['collected_source', 'collected_medium', 'collected_campaign', 'ads_campaign',
            'ga4_source', 'ga4_medium', 'ga4_campaign'] %}
        cast(null as {{ dbt.type_string() }}) as {{ name }},
        {%- endfor %}
        transaction_id_text as sent_transaction_id,
        {{ real_order('transaction_id_text') }} as transaction_id,
        raw_amount,
        value_text as amount_text,
        false as has_unknown_unit,
        coalesce(upper(currency_text), 'USD') as currency,
        {{ sent_extras('{}_text', none, "coalesce(upper(currency_text), 'USD')") }},
        {{ sent_cents('raw_amount') }} as sent_cents,
        {{ sent_items(
            'event_name_text', 'item_list', json_field('i', '{}'), sent_number(json_field('i', '{}')),
            sent_quantity(json_field('i', 'quantity'))
        ) }},
        case when {{ is_conversion('event_name_text') }} then item_list_issue end as items_issue,
        case
            when is_unreadable then 'not_json'
            else {{ reject_reason('event_at', 'event_name_text', 'received_at') }}
        end as reject_reason,
        line as payload
    from typed
),

{{ staged_event('fields', is_history=true) }}
