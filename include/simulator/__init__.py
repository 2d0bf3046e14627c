"""A seeded shop: GA4 export history and streamed events as real data has them.

world: what exists; households: who visits when and why; journey: the events of a visit; ga4_rows: events as export
rows; history: export files; batch and stream: streamed batches, which go on from what recent finds landed.
"""
