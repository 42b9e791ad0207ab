-- Which case, and which step of it, a case was run by, if it was.

-- +goose Up

ALTER TABLE cases ADD COLUMN parent TEXT NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN parent_step TEXT NOT NULL DEFAULT '';
CREATE INDEX cases_by_parent ON cases (parent);

-- +goose Down

DROP INDEX cases_by_parent;
ALTER TABLE cases DROP COLUMN parent_step;
ALTER TABLE cases DROP COLUMN parent;
