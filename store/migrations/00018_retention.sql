-- What is to be dropped is found without looking at everything that is kept. Of an emptied message only that is left by which it is
-- recognised when it comes again.

-- +goose Up

ALTER TABLE entries ADD COLUMN emptied BIGINT NOT NULL DEFAULT 0;

CREATE INDEX entries_by_age ON entries (emptied, received_at);
CREATE INDEX cases_by_end ON cases (ended_at);
CREATE INDEX reminders_by_case ON reminders (case_id);
CREATE INDEX task_notes_by_case ON task_notes (case_id);
CREATE INDEX blobs_of_payloads ON blobs (case_id) WHERE media_type = 'application/x-temporal-payload';

-- +goose Down

DROP INDEX blobs_of_payloads;
DROP INDEX task_notes_by_case;
DROP INDEX reminders_by_case;
DROP INDEX cases_by_end;
DROP INDEX entries_by_age;
ALTER TABLE entries DROP COLUMN emptied;
