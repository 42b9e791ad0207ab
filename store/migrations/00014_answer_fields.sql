-- What is known of the fields of systems' answers, and how often they were not as known: paths and types, never a value.

-- +goose Up

CREATE TABLE answer_fields (
    system    TEXT NOT NULL,
    driver    TEXT NOT NULL,
    operation TEXT NOT NULL,
    field     TEXT NOT NULL, -- its path, empty for the answer as a whole
    what      TEXT NOT NULL, -- known, new, missing, retyped
    kinds     TEXT NOT NULL, -- what it is, or what it was found to be
    always    BOOLEAN NOT NULL, -- of a known field: it was never missing while it was learned
    feeds     TEXT NOT NULL, -- the fields of the operation's output that are made of it
    counted   BIGINT NOT NULL,
    first_at  BIGINT NOT NULL,
    last_at   BIGINT NOT NULL,
    PRIMARY KEY (system, driver, operation, field, what)
);

-- +goose Down

DROP TABLE answer_fields;
