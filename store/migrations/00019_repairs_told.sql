-- Whether the case is known to have taken what was asked: a repair may be written down as done by a workflow task that was
-- lost with its process, and the case is then told again. Rows of before count as told, unless they are only asked.

-- +goose Up

ALTER TABLE repairs ADD COLUMN told BOOLEAN NOT NULL DEFAULT TRUE;
CREATE INDEX repairs_by_told ON repairs (told, asked_at);

-- +goose Down

DROP INDEX repairs_by_told;
ALTER TABLE repairs DROP COLUMN told;
