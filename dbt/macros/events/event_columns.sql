{#- What int_events takes from staging, in this order; copies of one event are told apart by it (semantics E1). -#}
{% macro event_columns() %}
    {{ return([
        'event_key', 'device_key', 'user_pseudo_id', 'user_id', 'event_at', 'event_date', 'received_at', 'event_name',
        'batch_page_id', 'batch_ordering_id', 'batch_event_index', 'event_bundle_sequence_id',
        'source', 'medium', 'campaign', 'source_rule', 'evidence', 'ga4_source', 'ga4_medium', 'ga4_campaign',
        'transaction_id', 'amount', 'amount_issue', 'shipping', 'tax', 'items', 'items_issue',
        'device_category', 'page_location', 'page_referrer', 'is_timely',
    ]) }}
{% endmacro %}

{#- The fields of a streamed event that are read (design contract); others are kept in payload. -#}
{% macro streamed_fields() %}
    {{ return([
        'event_id', 'event_timestamp', 'event_name', 'received_at', 'user_pseudo_id', 'user_id', 'source', 'medium',
        'campaign', 'page_location', 'page_referrer', 'gclid', 'gbraid', 'wbraid', 'dclid', 'msclkid', 'srsltid',
        'transaction_id', 'value', 'shipping', 'tax', 'currency', 'device_category',
    ]) }}
{% endmacro %}
