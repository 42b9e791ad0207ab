-- When a write was sent last: what its system may still carry out late is counted from there, and not from the first sending.

-- +goose Up

ALTER TABLE effects ADD COLUMN last_sent_at BIGINT NOT NULL DEFAULT 0;

-- +goose Down

ALTER TABLE effects DROP COLUMN last_sent_at;
