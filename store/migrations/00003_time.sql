-- Events that cases wait for, who waits for which, and who has had which; until when a case waits; reminders of tasks.
-- What an event tells may be personal data before any case has had it: it is dropped when its time is over.

-- +goose Up

CREATE TABLE events (
    id          TEXT   NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL,
    event_key   TEXT   NOT NULL,
    source      TEXT   NOT NULL,
    dedupe_key  TEXT   NOT NULL,
    payload     TEXT   NOT NULL,
    sent_by     TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    stored_at   BIGINT NOT NULL,
    keep_until  BIGINT NOT NULL,
    UNIQUE (source, dedupe_key)
);
CREATE INDEX events_by_key ON events (name, event_key, stored_at);
CREATE INDEX events_by_time ON events (stored_at);
CREATE INDEX events_by_keep ON events (keep_until);

-- A case has an event once, at one step.
CREATE TABLE event_deliveries (
    event_id     TEXT   NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    case_id      TEXT   NOT NULL,
    step_path    TEXT   NOT NULL,
    generation   BIGINT NOT NULL,
    delivered_at BIGINT NOT NULL,
    PRIMARY KEY (event_id, case_id),
    UNIQUE (case_id, step_path, generation)
);

CREATE TABLE event_waits (
    case_id    TEXT    NOT NULL,
    step_path  TEXT    NOT NULL,
    generation BIGINT  NOT NULL,
    execution  TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    event_key  TEXT    NOT NULL,
    nudged     BOOLEAN NOT NULL,
    since      BIGINT  NOT NULL,
    PRIMARY KEY (case_id, step_path)
);
CREATE INDEX event_waits_by_key ON event_waits (name, event_key);
CREATE INDEX event_waits_by_execution ON event_waits (execution);

CREATE TABLE reminders (
    task_id     TEXT    NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    number      BIGINT  NOT NULL,
    case_id     TEXT    NOT NULL,
    reminded_at BIGINT  NOT NULL,
    sent        BOOLEAN NOT NULL,
    PRIMARY KEY (task_id, number)
);
CREATE INDEX reminders_by_sent ON reminders (sent, reminded_at);

ALTER TABLE cases ADD COLUMN waiting_until BIGINT NOT NULL DEFAULT 0;

-- +goose Down

ALTER TABLE cases DROP COLUMN waiting_until;
DROP TABLE reminders;
DROP TABLE event_waits;
DROP TABLE event_deliveries;
DROP TABLE events;
