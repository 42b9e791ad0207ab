-- Tryton asks these views some thousands of times while it makes its tables. What the standard has them look at besides
-- (rights, domains, collations), and what PostgreSQL guesses of tables that were filled a moment ago, would take most of
-- the time. In this database alone they hold what Tryton asks for.
ALTER VIEW information_schema.columns RENAME TO columns_of_the_standard;
CREATE VIEW information_schema.columns AS
	SELECT n.nspname AS table_schema, c.relname AS table_name, a.attname AS column_name, t.typname AS udt_name,
		CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable,
		information_schema._pg_char_max_length(a.atttypid, a.atttypmod) AS character_maximum_length,
		pg_get_expr(d.adbin, d.adrelid) AS column_default
	FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		JOIN pg_type t ON t.oid = a.atttypid
		LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
	WHERE c.relkind IN ('r', 'v', 'p', 'f');
ALTER VIEW information_schema.key_column_usage RENAME TO key_column_usage_of_the_standard;
CREATE VIEW information_schema.key_column_usage AS
	SELECT n.nspname AS constraint_schema, k.conname AS constraint_name, n.nspname AS table_schema, c.relname AS table_name, a.attname AS column_name
	FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('p', 'u', 'f')
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey);
ALTER VIEW information_schema.referential_constraints RENAME TO referential_constraints_of_the_standard;
CREATE VIEW information_schema.referential_constraints AS
	SELECT n.nspname AS constraint_schema, k.conname AS constraint_name,
		CASE k.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' WHEN 'r' THEN 'RESTRICT' ELSE 'NO ACTION' END AS delete_rule
	FROM pg_constraint k
		JOIN pg_namespace n ON n.oid = k.connamespace
	WHERE k.contype = 'f';
