-- Prices as bigint of 1e-9 and as numeric: loading a million rows of five by COPY BINARY, their size, and a sum.
--   script/private-postgres /tmp/price-columns psql -X -d {url} -f bench/price_columns.sql
\set QUIET on
CREATE TEMP TABLE source AS SELECT 100000000000 + g % 90000 * 50000000::bigint AS p FROM generate_series(1, 1000000) g;
CREATE UNLOGGED TABLE as_bigint (o bigint, h bigint, l bigint, c bigint, v bigint);
CREATE UNLOGGED TABLE as_numeric (o numeric, h numeric, l numeric, c numeric, v numeric);
\copy (SELECT p, p, p, p, p FROM source) TO '/tmp/as_bigint.copy' (FORMAT binary)
\copy (SELECT n, n, n, n, n FROM (SELECT trim_scale(p * 0.000000001) AS n FROM source) AS s) TO '/tmp/as_numeric.copy' (FORMAT binary)
\timing on
\echo 'bigint, numeric: loaded three times each'
\copy as_bigint FROM '/tmp/as_bigint.copy' (FORMAT binary)
\copy as_numeric FROM '/tmp/as_numeric.copy' (FORMAT binary)
TRUNCATE as_bigint, as_numeric;
\copy as_bigint FROM '/tmp/as_bigint.copy' (FORMAT binary)
\copy as_numeric FROM '/tmp/as_numeric.copy' (FORMAT binary)
TRUNCATE as_bigint, as_numeric;
\copy as_bigint FROM '/tmp/as_bigint.copy' (FORMAT binary)
\copy as_numeric FROM '/tmp/as_numeric.copy' (FORMAT binary)
\echo 'sum of bigint; sum of numeric; sum of decimals made of bigint'
SELECT sum(c) FROM as_bigint;
SELECT sum(c) FROM as_numeric;
SELECT sum(trim_scale(c * 0.000000001)) FROM as_bigint;
\timing off
SELECT pg_relation_size('as_bigint') / 1000000 AS bigint_mb, pg_relation_size('as_numeric') / 1000000 AS numeric_mb;
DROP TABLE as_bigint, as_numeric;
\! rm -f /tmp/as_bigint.copy /tmp/as_numeric.copy
