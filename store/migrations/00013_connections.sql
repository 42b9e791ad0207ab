-- What the processes that use the same connections to systems know together: pauses, broken connections, limits, and the
-- grants that systems gave us, encrypted.

-- +goose Up

CREATE TABLE connection_holds (
    connection TEXT PRIMARY KEY,
    until      INTEGER NOT NULL, -- nobody uses it before
    broken     BOOLEAN NOT NULL,
    changed    INTEGER NOT NULL
);

CREATE TABLE connection_limits (
    connection TEXT NOT NULL,
    name       TEXT NOT NULL,
    state      TEXT NOT NULL,
    PRIMARY KEY (connection, name)
);

CREATE TABLE grants (
    connection TEXT PRIMARY KEY,
    version    INTEGER NOT NULL, -- grows with every change
    sealed     BLOB    NOT NULL, -- what we hold now
    previous   BLOB    NOT NULL, -- what we held before
    begun      INTEGER NOT NULL, -- when a refresh was sent of which no answer is stored yet, 0 if none
    problem    TEXT    NOT NULL, -- why it is of no use any more, empty if it is
    changed    INTEGER NOT NULL
);

-- +goose Down

DROP TABLE grants;
DROP TABLE connection_limits;
DROP TABLE connection_holds;
