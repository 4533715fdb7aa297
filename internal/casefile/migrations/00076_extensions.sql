-- +goose Up
CREATE TABLE habeas.retention_extension (
    ref text COLLATE "C" CONSTRAINT retention_extension_one_per_ref PRIMARY KEY
        CONSTRAINT retention_extension_has_a_data_key REFERENCES habeas.data_key (ref),
    scope text NOT NULL,
    system text COLLATE "C" NOT NULL DEFAULT '',
    rule text COLLATE "C" NOT NULL DEFAULT '',
    until timestamptz NOT NULL,
    statement bytea NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL,
    task text COLLATE "C" CONSTRAINT retention_extension_signed_in_a_task REFERENCES habeas.task (id),
    granted boolean,
    decided_at timestamptz,
    CONSTRAINT retention_extension_ref_is_one CHECK (ref LIKE 'retention/%'),
    CONSTRAINT retention_extension_scope_is_whole CHECK (
        (scope = 'rule' AND system <> '' AND rule <> '') OR (scope = 'person' AND system = '' AND rule = '')),
    CONSTRAINT retention_extension_is_decided_as_a_whole CHECK ((granted IS NULL) = (task IS NULL) AND (granted IS NULL) = (decided_at IS NULL))
);
COMMENT ON TABLE habeas.retention_extension IS 'decisions by which rows are kept beyond their time, until a date';
COMMENT ON COLUMN habeas.retention_extension.statement IS 'sealed: over what, until when, by which law and why, as signed';
COMMENT ON COLUMN habeas.retention_extension.task IS 'the signed decision, verified again whenever it matters';
CREATE INDEX retention_extension_standing ON habeas.retention_extension (until) WHERE granted;

ALTER TABLE habeas.retention_kept ADD COLUMN why text NOT NULL DEFAULT 'held'
    CONSTRAINT retention_kept_why_is_known CHECK (why IN ('held', 'extended'));
COMMENT ON COLUMN habeas.retention_kept.why IS 'held: a legal hold or an open case; extended: a decision to keep the person''s rows longer';
ALTER TABLE habeas.retention_run ADD COLUMN left_extended bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT retention_run_state_is_known,
    ADD CONSTRAINT retention_run_state_is_known
        CHECK (state IN ('opened', 'measured', 'waiting', 'sweeping', 'held', 'extended', 'done', 'left', 'rejected', 'stale'));

GRANT SELECT, UPDATE (task, granted, decided_at) ON habeas.retention_extension TO habeas_app;
GRANT SELECT, INSERT ON habeas.retention_extension TO habeas_staff;

-- +goose Down
UPDATE habeas.retention_run SET state = 'held' WHERE state = 'extended';
ALTER TABLE habeas.retention_run DROP COLUMN left_extended,
    DROP CONSTRAINT retention_run_state_is_known,
    ADD CONSTRAINT retention_run_state_is_known
        CHECK (state IN ('opened', 'measured', 'waiting', 'sweeping', 'held', 'done', 'left', 'rejected', 'stale'));
ALTER TABLE habeas.retention_kept DROP COLUMN why;
DROP TABLE habeas.retention_extension;
