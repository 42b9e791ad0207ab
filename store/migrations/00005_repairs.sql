-- What people did to cases that could not go on by themselves, and what a case waits for in more detail, to find cases by it.

-- +goose Up

CREATE TABLE repairs (
    id            TEXT   NOT NULL PRIMARY KEY,
    case_id       TEXT   NOT NULL,
    act           TEXT   NOT NULL,
    step          TEXT   NOT NULL,
    reason        TEXT   NOT NULL,
    who           TEXT   NOT NULL,
    asked_at      BIGINT NOT NULL,
    body          TEXT   NOT NULL,
    bundle        TEXT   NOT NULL,
    bundle_before TEXT   NOT NULL,
    state         TEXT   NOT NULL,
    problem       TEXT   NOT NULL,
    was           TEXT   NOT NULL,
    became        TEXT   NOT NULL,
    settled_at    BIGINT NOT NULL
);
CREATE INDEX repairs_by_case ON repairs (case_id, asked_at);
CREATE INDEX repairs_by_state ON repairs (state, asked_at);

ALTER TABLE cases ADD COLUMN waiting_step TEXT NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN waiting_system TEXT NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN waiting_class TEXT NOT NULL DEFAULT '';

-- +goose Down

ALTER TABLE cases DROP COLUMN waiting_class;
ALTER TABLE cases DROP COLUMN waiting_system;
ALTER TABLE cases DROP COLUMN waiting_step;
DROP TABLE repairs;
