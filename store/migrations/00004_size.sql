-- Which read of its case has told that a message is done, so that a case with many messages reads them some at a time.

-- +goose Up

ALTER TABLE entries ADD COLUMN done_by_read BIGINT NOT NULL DEFAULT 0;
CREATE INDEX entries_undone ON entries (case_id, done_by_read, received_at);

-- +goose Down

DROP INDEX entries_undone;
ALTER TABLE entries DROP COLUMN done_by_read;
