"""A stand-in for BigQuery's REST API, for tests without Google Cloud (tests/bigquery/README.md).

SQL runs on ZetaSQL, Google's own analyser and reference evaluator, compiled to WebAssembly. What the stand-in cannot do
fails loudly. From the bottom up:

errors, wasm, protos, parse_tree, language, engine: the evaluator; schema, cells, json_values: types and values;
tables, warehouse, metadata: what is stored; rules: what BigQuery refuses beyond ZetaSQL; statement, subqueries, reads:
one statement bound to its tables, and the record of what it read; session, results, script, queries, ddl,
table_options, dml: running statements; faults, service, resources, rows, jobs, query_jobs, load_jobs,
uploads, server: the REST API.
"""
