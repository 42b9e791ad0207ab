-- Who typed an entry in, if one of ours did: nobody approves what he asked for himself.

-- +goose Up

ALTER TABLE entries ADD COLUMN typed_by TEXT NOT NULL DEFAULT '';

-- +goose Down

ALTER TABLE entries DROP COLUMN typed_by;
