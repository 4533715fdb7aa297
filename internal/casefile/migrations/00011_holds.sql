-- +goose Up
CREATE TABLE habeas.hold (
    ref text COLLATE "C" CONSTRAINT hold_one_per_ref PRIMARY KEY
        CONSTRAINT hold_has_a_data_key REFERENCES habeas.data_key (ref),
    scope text NOT NULL,
    system text COLLATE "C" NOT NULL DEFAULT '',
    collection text COLLATE "C" NOT NULL DEFAULT '',
    person_kind text COLLATE "C" NOT NULL DEFAULT '',
    person_index bytea,
    statement bytea NOT NULL,
    signature bytea NOT NULL,
    placed_by text NOT NULL,
    placed_at timestamptz NOT NULL,
    until timestamptz,
    round integer NOT NULL DEFAULT 0,
    release_task text COLLATE "C" CONSTRAINT hold_released_by_a_task REFERENCES habeas.task (id),
    released_at timestamptz,
    CONSTRAINT hold_ref_is_a_hold CHECK (ref LIKE 'hold/%'),
    CONSTRAINT hold_scope_is_whole CHECK (
        (scope = 'person' AND person_kind <> '' AND octet_length(person_index) = 32 AND system = '' AND collection = '')
        OR (scope = 'system' AND system <> '' AND collection = '' AND person_index IS NULL AND person_kind = '')
        OR (scope = 'collection' AND system <> '' AND collection <> '' AND person_index IS NULL AND person_kind = '')),
    CONSTRAINT hold_signature_is_ed25519 CHECK (octet_length(signature) = 64),
    CONSTRAINT hold_release_is_whole CHECK ((release_task IS NULL) = (released_at IS NULL))
);
COMMENT ON TABLE habeas.hold IS 'legal holds: what one covers is not destroyed while it stands';
COMMENT ON COLUMN habeas.hold.person_index IS 'keyed hash of the normalised identity';
COMMENT ON COLUMN habeas.hold.statement IS 'sealed: matter, scope and reason, as signed';
COMMENT ON COLUMN habeas.hold.round IS 'how often its release was asked for';
COMMENT ON COLUMN habeas.hold.release_task IS 'the signed decision that ended it, verified again whenever it matters';
CREATE INDEX hold_standing ON habeas.hold (placed_at) WHERE released_at IS NULL;

GRANT SELECT, UPDATE (release_task, released_at) ON habeas.hold TO habeas_app;
GRANT SELECT, INSERT, UPDATE (round) ON habeas.hold TO habeas_staff;

-- +goose Down
DROP TABLE habeas.hold;
