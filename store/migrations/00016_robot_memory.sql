-- What the pages of robots were like, what is proposed about robot files, and how the last canaries ended. Files of a case may be kept for a shorter time than the case.

-- +goose Up

CREATE TABLE robot_prints (
    robot   TEXT NOT NULL,
    base    TEXT NOT NULL, -- the address where it works
    hash    TEXT NOT NULL, -- of its files
    place   TEXT NOT NULL, -- file:line
    print   TEXT NOT NULL,
    times   BIGINT NOT NULL, -- how many runs have seen it
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (robot, base, hash, place)
);

CREATE TABLE robot_pages (
    id      TEXT NOT NULL PRIMARY KEY,
    robot   TEXT NOT NULL,
    base    TEXT NOT NULL,
    hash    TEXT NOT NULL,
    place   TEXT NOT NULL,
    page    TEXT NOT NULL, -- what it is made of, without data
    kept_at BIGINT NOT NULL
);

CREATE INDEX robot_pages_by_place ON robot_pages (robot, base, hash, place, kept_at);

CREATE TABLE robot_changes (
    id         TEXT NOT NULL PRIMARY KEY,
    robot      TEXT NOT NULL,
    base       TEXT NOT NULL,
    hash       TEXT NOT NULL,
    kind       TEXT NOT NULL, -- target, alternative, page
    place      TEXT NOT NULL,
    words      TEXT NOT NULL,
    becomes    TEXT NOT NULL,
    reason     TEXT NOT NULL,
    page       TEXT NOT NULL,
    case_id    TEXT NOT NULL,
    state      TEXT NOT NULL, -- open, accepted, rejected
    found_at   BIGINT NOT NULL,
    counted    BIGINT NOT NULL, -- how many runs proposed it
    decided_by TEXT NOT NULL,
    decided_at BIGINT NOT NULL,
    note       TEXT NOT NULL
);

CREATE TABLE robot_canaries (
    system    TEXT NOT NULL,
    operation TEXT NOT NULL,
    robot     TEXT NOT NULL,
    at        BIGINT NOT NULL,
    took      BIGINT NOT NULL, -- microseconds
    class     TEXT NOT NULL, -- of the error, empty if it went well
    message   TEXT NOT NULL,
    warnings  TEXT NOT NULL,
    PRIMARY KEY (system, operation)
);

ALTER TABLE blobs ADD COLUMN keep_until BIGINT NOT NULL DEFAULT 0;

CREATE INDEX blobs_by_keep ON blobs (keep_until);

-- +goose Down

DROP INDEX blobs_by_keep;
ALTER TABLE blobs DROP COLUMN keep_until;
DROP TABLE robot_canaries;
DROP TABLE robot_changes;
DROP TABLE robot_pages;
DROP TABLE robot_prints;
