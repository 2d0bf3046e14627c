-- One row a conversion: last click, the latest touchpoint that is not direct; the latest of all when every one is.
{{ config(
    meta={
        'replaces': 'person_id', 'at': 'conversion_date',
        'starts_if': 'first_event_moved', 'also': 'stale_lookback', 'then': 'remember_first_event',
    },
    partition_by={'field': 'conversion_date', 'data_type': 'date'},
) }}
{{ single_touch('case when is_direct then 1 else 0 end, position desc') }}
