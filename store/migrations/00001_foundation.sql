-- Portable SQL: the same text serves SQLite and PostgreSQL.
-- Conventions: instants are BIGINT microseconds since 1970 UTC, 0 = none; JSON is TEXT, '' = none, so that its
-- bytes come back as they were given; bytes are BYTEA. Every row that may hold personal data names its case.

-- +goose Up

CREATE TABLE cases (
    id            TEXT    NOT NULL PRIMARY KEY,
    use_case      TEXT    NOT NULL,
    bundle_hash   TEXT    NOT NULL,
    reference     TEXT    NOT NULL UNIQUE,
    title         TEXT    NOT NULL,
    language      TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    stage         TEXT    NOT NULL,
    waiting_for   TEXT    NOT NULL,
    waiting_kind  TEXT    NOT NULL,
    waiting_since BIGINT  NOT NULL,
    started_at    BIGINT  NOT NULL,
    ended_at      BIGINT  NOT NULL,
    outcome       TEXT    NOT NULL,
    result        TEXT    NOT NULL,
    progress      BIGINT  NOT NULL,
    search        TEXT    NOT NULL
);
CREATE INDEX cases_by_state ON cases (state, started_at);
CREATE INDEX cases_by_start ON cases (started_at);
CREATE INDEX cases_by_bundle ON cases (bundle_hash, ended_at);

CREATE TABLE contact_keys (
    contact_key TEXT NOT NULL,
    case_id     TEXT NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    PRIMARY KEY (contact_key, case_id)
);
CREATE INDEX contact_keys_by_case ON contact_keys (case_id);

CREATE TABLE thread_keys (
    thread_key TEXT NOT NULL,
    case_id    TEXT NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    PRIMARY KEY (thread_key, case_id)
);
CREATE INDEX thread_keys_by_case ON thread_keys (case_id);

CREATE TABLE entries (
    id             TEXT   NOT NULL PRIMARY KEY,
    source         TEXT   NOT NULL,
    channel        TEXT   NOT NULL,
    dedupe_key     TEXT   NOT NULL,
    kind           TEXT   NOT NULL,
    state          TEXT   NOT NULL,
    reason         TEXT   NOT NULL,
    use_case       TEXT   NOT NULL,
    case_id        TEXT   NOT NULL,
    case_reference TEXT   NOT NULL,
    language       TEXT   NOT NULL,
    parsed         TEXT   NOT NULL,
    thread_keys    TEXT   NOT NULL,
    contact_keys   TEXT   NOT NULL,
    received_at    BIGINT NOT NULL,
    stored_at      BIGINT NOT NULL,
    UNIQUE (source, dedupe_key)
);
CREATE INDEX entries_by_case ON entries (case_id, received_at);
CREATE INDEX entries_by_state ON entries (state, stored_at);

CREATE TABLE entry_raw (
    entry_id TEXT  NOT NULL PRIMARY KEY REFERENCES entries (id) ON DELETE CASCADE,
    raw      BYTEA NOT NULL
);

CREATE TABLE blobs (
    case_id    TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    media_type TEXT   NOT NULL,
    size       BIGINT NOT NULL,
    body       BYTEA  NOT NULL,
    stored_at  BIGINT NOT NULL,
    PRIMARY KEY (case_id, id)
);

CREATE TABLE attachments (
    entry_id   TEXT   NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    ordinal    BIGINT NOT NULL,
    name       TEXT   NOT NULL,
    media_type TEXT   NOT NULL,
    size       BIGINT NOT NULL,
    blob_id    TEXT   NOT NULL,
    PRIMARY KEY (entry_id, ordinal)
);

CREATE TABLE webhooks (
    source     TEXT   NOT NULL,
    webhook_id TEXT   NOT NULL,
    seen_at    BIGINT NOT NULL,
    PRIMARY KEY (source, webhook_id)
);
CREATE INDEX webhooks_by_time ON webhooks (seen_at);

CREATE TABLE step_results (
    case_id       TEXT   NOT NULL,
    step_path     TEXT   NOT NULL,
    generation    BIGINT NOT NULL,
    ordinal       BIGINT NOT NULL,
    kind          TEXT   NOT NULL,
    title         TEXT   NOT NULL,
    system        TEXT   NOT NULL,
    operation     TEXT   NOT NULL,
    driver        TEXT   NOT NULL,
    driver_hash   TEXT   NOT NULL,
    started_at    BIGINT NOT NULL,
    finished_at   BIGINT NOT NULL,
    result        TEXT   NOT NULL,
    error_class   TEXT   NOT NULL,
    error_message TEXT   NOT NULL,
    evidence      TEXT   NOT NULL,
    PRIMARY KEY (case_id, step_path, generation)
);

CREATE TABLE decisions (
    case_id    TEXT   NOT NULL,
    step_path  TEXT   NOT NULL,
    generation BIGINT NOT NULL,
    decided_at BIGINT NOT NULL,
    table_name TEXT   NOT NULL,
    table_hash TEXT   NOT NULL,
    rule_row   TEXT   NOT NULL,
    why        TEXT   NOT NULL,
    facts      TEXT   NOT NULL,
    facts_hash TEXT   NOT NULL,
    outputs    TEXT   NOT NULL,
    error      TEXT   NOT NULL,
    PRIMARY KEY (case_id, step_path, generation)
);
CREATE INDEX decisions_by_table ON decisions (table_name, decided_at);

CREATE TABLE timeline (
    case_id    TEXT   NOT NULL,
    event_key  TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    who        TEXT   NOT NULL,
    PRIMARY KEY (case_id, event_key)
);

CREATE TABLE effects (
    effect_key    TEXT   NOT NULL PRIMARY KEY,
    case_id       TEXT   NOT NULL,
    step_path     TEXT   NOT NULL,
    generation    BIGINT NOT NULL,
    system        TEXT   NOT NULL,
    operation     TEXT   NOT NULL,
    driver        TEXT   NOT NULL,
    safety        TEXT   NOT NULL,
    request_hash  TEXT   NOT NULL,
    request       TEXT   NOT NULL,
    state         TEXT   NOT NULL,
    intent_at     BIGINT NOT NULL,
    first_sent_at BIGINT NOT NULL,
    settled_at    BIGINT NOT NULL,
    attempts      BIGINT NOT NULL,
    result        TEXT   NOT NULL,
    remote_ref    TEXT   NOT NULL,
    error         TEXT   NOT NULL,
    resolved_by   TEXT   NOT NULL
);
CREATE INDEX effects_by_case ON effects (case_id);
CREATE INDEX effects_by_state ON effects (state, intent_at);

CREATE TABLE read_results (
    case_id   TEXT   NOT NULL,
    step_path TEXT   NOT NULL,
    result    TEXT   NOT NULL,
    stored_at BIGINT NOT NULL,
    PRIMARY KEY (case_id, step_path)
);

CREATE TABLE definitions (
    hash      TEXT   NOT NULL PRIMARY KEY,
    kind      TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    body      BYTEA  NOT NULL,
    stored_at BIGINT NOT NULL
);

-- What is in force is the newest publication of each kind and name; an empty hash takes a name out of force.
CREATE TABLE publications (
    version BIGINT NOT NULL,
    kind    TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    hash    TEXT   NOT NULL,
    who     TEXT   NOT NULL,
    note    TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (version, kind, name)
);
CREATE INDEX publications_by_name ON publications (kind, name, version);

CREATE TABLE links (
    id           TEXT             NOT NULL PRIMARY KEY,
    left_system  TEXT             NOT NULL,
    left_kind    TEXT             NOT NULL,
    left_id      TEXT             NOT NULL,
    right_system TEXT             NOT NULL,
    right_kind   TEXT             NOT NULL,
    right_id     TEXT             NOT NULL,
    evidence     TEXT             NOT NULL,
    confidence   DOUBLE PRECISION NOT NULL,
    found_at     BIGINT           NOT NULL,
    case_id      TEXT             NOT NULL,
    state        TEXT             NOT NULL,
    corrected_by TEXT             NOT NULL,
    corrected_at BIGINT           NOT NULL,
    replaced_by  TEXT             NOT NULL,
    note         TEXT             NOT NULL,
    UNIQUE (left_system, left_kind, left_id, right_system, right_kind, right_id)
);
CREATE INDEX links_by_right ON links (right_system, right_kind, right_id);
CREATE INDEX links_by_case ON links (case_id);

CREATE TABLE tasks (
    id              TEXT    NOT NULL PRIMARY KEY,
    case_id         TEXT    NOT NULL,
    step_path       TEXT    NOT NULL,
    generation      BIGINT  NOT NULL,
    version         BIGINT  NOT NULL,
    kind            TEXT    NOT NULL,
    queue           TEXT    NOT NULL,
    role            TEXT    NOT NULL,
    title           TEXT    NOT NULL,
    language        TEXT    NOT NULL,
    assignee        TEXT    NOT NULL,
    claimed_by      TEXT    NOT NULL,
    created_at      BIGINT  NOT NULL,
    due_at          BIGINT  NOT NULL,
    state           TEXT    NOT NULL,
    payload         TEXT    NOT NULL,
    external_system TEXT    NOT NULL,
    external_id     TEXT    NOT NULL,
    external_url    TEXT    NOT NULL,
    requester       TEXT    NOT NULL,
    answer          TEXT    NOT NULL,
    answered_by     TEXT    NOT NULL,
    answered_at     BIGINT  NOT NULL,
    outcome         TEXT    NOT NULL,
    delivered       BOOLEAN NOT NULL,
    search          TEXT    NOT NULL
);
CREATE INDEX tasks_by_case ON tasks (case_id);
CREATE INDEX tasks_by_state ON tasks (state, due_at);
CREATE INDEX tasks_by_external ON tasks (external_system, external_id);

CREATE TABLE task_notes (
    id      TEXT   NOT NULL PRIMARY KEY,
    task_id TEXT   NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    case_id TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    who     TEXT   NOT NULL,
    body    TEXT   NOT NULL
);
CREATE INDEX task_notes_by_task ON task_notes (task_id, at);

CREATE TABLE audit (
    seq       BIGINT NOT NULL PRIMARY KEY,
    at        BIGINT NOT NULL,
    who       TEXT   NOT NULL,
    what      TEXT   NOT NULL,
    case_id   TEXT   NOT NULL,
    detail    TEXT   NOT NULL,
    prev_hash TEXT   NOT NULL,
    hash      TEXT   NOT NULL
);
CREATE INDEX audit_by_case ON audit (case_id);

CREATE TABLE logins (
    token_hash   TEXT   NOT NULL PRIMARY KEY,
    user_name    TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    idle_micros  BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    client       TEXT   NOT NULL
);
CREATE INDEX logins_by_user ON logins (user_name);

CREATE TABLE credentials (
    user_name     TEXT   NOT NULL PRIMARY KEY,
    password_hash TEXT   NOT NULL,
    changed_at    BIGINT NOT NULL
);

CREATE TABLE attempts (
    attempt_key TEXT   NOT NULL PRIMARY KEY,
    count       BIGINT NOT NULL,
    since       BIGINT NOT NULL
);

CREATE TABLE leases (
    name   TEXT   NOT NULL PRIMARY KEY,
    holder TEXT   NOT NULL,
    fence  BIGINT NOT NULL,
    until  BIGINT NOT NULL
);

CREATE TABLE system_state (
    system     TEXT    NOT NULL PRIMARY KEY,
    paused     BOOLEAN NOT NULL,
    reason     TEXT    NOT NULL,
    who        TEXT    NOT NULL,
    since      BIGINT  NOT NULL,
    not_before BIGINT  NOT NULL
);

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE outbox (
    id         TEXT   NOT NULL PRIMARY KEY,
    case_id    TEXT   NOT NULL,
    purpose    TEXT   NOT NULL,
    recipient  TEXT   NOT NULL,
    raw        BYTEA  NOT NULL,
    state      TEXT   NOT NULL,
    attempts   BIGINT NOT NULL,
    next_try   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at    BIGINT NOT NULL,
    error      TEXT   NOT NULL,
    UNIQUE (case_id, purpose)
);
CREATE INDEX outbox_due ON outbox (state, next_try);
CREATE INDEX outbox_by_recipient ON outbox (recipient, sent_at);
