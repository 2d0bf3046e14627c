-- One row an event that carries an amount: a conversion or a refund, a few of a hundred events. What follows from all
-- orders of a person reads them here.
{{ config(meta={
    'replaces': 'person_id', 'at': 'event_at', 'logs': 'transaction_id' if by_shop() else none,
}) }}
select
    event_key, person_id, event_at, batch_page_id, batch_ordering_id, batch_event_index, event_bundle_sequence_id,
    event_name, transaction_id, amount, amount_issue, shipping, tax, items, items_issue
from {{ touched_rows(ref('int_events'), 'person_id', 'event_at') }} as e
where {{ has_amount('event_name') }}
