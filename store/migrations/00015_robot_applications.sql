-- What all processes know of an application that robots work in: when the next run may begin, and how often it failed.

-- +goose Up

CREATE TABLE robot_applications (
	name          TEXT    NOT NULL PRIMARY KEY,
	next_at       BIGINT  NOT NULL DEFAULT 0,
	failures      INTEGER NOT NULL DEFAULT 0,
	stopped_until BIGINT  NOT NULL DEFAULT 0
);

-- +goose Down

DROP TABLE robot_applications;
