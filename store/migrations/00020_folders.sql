-- With which version a folder was in step last: what others have published since is told before the folder takes it back.

-- +goose Up

CREATE TABLE folders (
    folder  TEXT   NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);

-- +goose Down

DROP TABLE folders;
