-- Which read of its case has told that a message is done, so that a case with many messages reads them some at a time.
-- Which workflow waits for the answer of a task, if it is not that of the case.

-- +goose Up

ALTER TABLE entries ADD COLUMN done_by_read BIGINT NOT NULL DEFAULT 0;
CREATE INDEX entries_undone ON entries (case_id, done_by_read, received_at);

ALTER TABLE tasks ADD COLUMN workflow TEXT NOT NULL DEFAULT '';

-- +goose Down

ALTER TABLE tasks DROP COLUMN workflow;

DROP INDEX entries_undone;
ALTER TABLE entries DROP COLUMN done_by_read;
