-- restores is the version whose state a publication put in force again, 0 if it brought something new.

-- +goose Up

ALTER TABLE publications ADD COLUMN restores BIGINT NOT NULL DEFAULT 0;
CREATE INDEX publications_by_hash ON publications (hash);

-- Drafts are files of a workspace that are being worked on and are not in force. base is the text that the draft
-- began with, to notice that the file has changed since; present is false for a file that the draft deletes.
CREATE TABLE drafts (
    draft      TEXT    NOT NULL,
    path       TEXT    NOT NULL,
    body       BYTEA   NOT NULL,
    base       BYTEA   NOT NULL,
    present    BOOLEAN NOT NULL,
    who        TEXT    NOT NULL,
    changed_at BIGINT  NOT NULL,
    PRIMARY KEY (draft, path)
);

-- +goose Down

DROP TABLE drafts;
DROP INDEX publications_by_hash;
ALTER TABLE publications DROP COLUMN restores;
