-- Every constraint and unique index with its columns in order, including those inside an expression such as lower(email).
SELECT c.conname::text AS name,
       array_agg(a.attname::text ORDER BY k.place) AS columns
FROM pg_constraint c
CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k(attnum, place)
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
WHERE c.connamespace = 'public'::regnamespace
GROUP BY c.oid, c.conname
UNION
SELECT i.relname::text,
       array_agg(a.attname::text ORDER BY d.refobjsubid)
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid AND i.relnamespace = 'public'::regnamespace
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = x.indexrelid
    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = x.indrelid AND d.refobjsubid > 0
JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = d.refobjsubid
WHERE x.indisunique
GROUP BY i.oid, i.relname
UNION
-- For an index over an expression, such as lower(email), the columns that the expression reads.
SELECT i.relname::text,
       array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid AND i.relnamespace = 'public'::regnamespace
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = x.indrelid
JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = d.refobjsubid AND a.attnum > 0
WHERE x.indisunique AND x.indexprs IS NOT NULL
GROUP BY i.oid, i.relname
