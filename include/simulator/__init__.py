"""A seeded shop: GA4 export history and streamed events as real data has them.

world: what exists; plan: who visits when and why; journey: the events of a visit; ga4_rows: events as export rows;
history: export files; stream: streamed batches.
"""
