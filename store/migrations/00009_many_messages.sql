-- The message that began a case is found at once, however many have joined it since.

-- +goose Up

CREATE INDEX entries_by_kind ON entries (case_id, kind, received_at);

-- +goose Down

DROP INDEX entries_by_kind;
