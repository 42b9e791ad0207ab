-- What there is to say of a decision beside one table and one row: all rows that matched, the version, the parts of a chain.

-- +goose Up

ALTER TABLE decisions ADD COLUMN details TEXT NOT NULL DEFAULT '';

-- +goose Down

ALTER TABLE decisions DROP COLUMN details;
