-- The message that began a case is found at once, however many have joined it since. An entry keeps the trace that it came
-- in (W3C traceparent), so that whoever hands it over later goes on with it.

-- +goose Up

CREATE INDEX entries_by_kind ON entries (case_id, kind, received_at);
ALTER TABLE entries ADD COLUMN trace TEXT NOT NULL DEFAULT '';

-- +goose Down

ALTER TABLE entries DROP COLUMN trace;
DROP INDEX entries_by_kind;
