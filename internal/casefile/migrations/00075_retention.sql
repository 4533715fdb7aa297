-- +goose Up
CREATE TABLE habeas.retention_run (
    ref text COLLATE "C" CONSTRAINT retention_run_one_per_ref PRIMARY KEY
        CONSTRAINT retention_run_has_a_data_key REFERENCES habeas.data_key (ref),
    system text COLLATE "C" NOT NULL,
    rule text COLLATE "C" NOT NULL,
    action text NOT NULL,
    nominal timestamptz NOT NULL,
    dry boolean NOT NULL,
    asked_by text NOT NULL,
    version bytea NOT NULL,
    map_hash text NOT NULL,
    state text NOT NULL,
    why text NOT NULL DEFAULT '',
    opened_at timestamptz NOT NULL,
    measured_at timestamptz,
    begun_at timestamptz,
    ended_at timestamptz,
    due bigint NOT NULL DEFAULT 0,
    referred bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL DEFAULT 0,
    report bytea,
    task text COLLATE "C" CONSTRAINT retention_run_signed_in_a_task REFERENCES habeas.task (id),
    position bytea,
    done bigint NOT NULL DEFAULT 0,
    batches bigint NOT NULL DEFAULT 0,
    keys_hash bytea NOT NULL,
    left_held bigint NOT NULL DEFAULT 0,
    left_referred bigint NOT NULL DEFAULT 0,
    left_other bigint NOT NULL DEFAULT 0,
    CONSTRAINT retention_run_ref_is_one CHECK (ref LIKE 'retention/%'),
    CONSTRAINT retention_run_state_is_known CHECK (state IN ('opened', 'measured', 'waiting', 'sweeping', 'held', 'done', 'left', 'rejected', 'stale')),
    CONSTRAINT retention_run_why_is_known CHECK (why IN ('', 'first', 'changed', 'share')),
    CONSTRAINT retention_run_version_is_sha256 CHECK (octet_length(version) = 32 AND octet_length(keys_hash) = 32),
    CONSTRAINT retention_run_measured_has_a_report CHECK ((measured_at IS NULL) = (report IS NULL)),
    CONSTRAINT retention_run_dry_touches_nothing CHECK (NOT dry OR (done = 0 AND begun_at IS NULL)),
    CONSTRAINT retention_run_once_per_night UNIQUE (system, rule, nominal, dry)
);
COMMENT ON TABLE habeas.retention_run IS 'one row a run of a rule of retention';
COMMENT ON COLUMN habeas.retention_run.nominal IS 'the time for which the run was due: what is due is reckoned from it, and not from when it ran';
COMMENT ON COLUMN habeas.retention_run.version IS 'SHA-256 over all that decides what the rule does';
COMMENT ON COLUMN habeas.retention_run.why IS 'why two people must sign before it begins; empty: they need not';
COMMENT ON COLUMN habeas.retention_run.report IS 'sealed: what the dry run found, as a task shows it';
COMMENT ON COLUMN habeas.retention_run.position IS 'sealed: where the sweep stands, and the keys of a batch that was begun';
COMMENT ON COLUMN habeas.retention_run.keys_hash IS 'keyed hash over the keys of all batches, in order';
CREATE INDEX retention_run_by_rule ON habeas.retention_run (system, rule, nominal);
CREATE INDEX retention_run_open ON habeas.retention_run (system, rule) WHERE ended_at IS NULL;

CREATE TABLE habeas.retention_rule (
    system text COLLATE "C" NOT NULL,
    rule text COLLATE "C" NOT NULL,
    version bytea NOT NULL,
    task text COLLATE "C" NOT NULL CONSTRAINT retention_rule_signed_in_a_task REFERENCES habeas.task (id),
    at timestamptz NOT NULL,
    CONSTRAINT retention_rule_once PRIMARY KEY (system, rule)
);
COMMENT ON TABLE habeas.retention_rule IS 'the version of each rule that two people signed last; the signatures are verified again whenever it matters';

CREATE TABLE habeas.retention_known (
    ref text COLLATE "C" NOT NULL CONSTRAINT retention_known_of_a_run REFERENCES habeas.retention_run (ref),
    other text COLLATE "C" NOT NULL,
    CONSTRAINT retention_known_once PRIMARY KEY (ref, other)
);
COMMENT ON TABLE habeas.retention_known IS 'the holds and open cases whose people''s rows a run has looked for';

CREATE TABLE habeas.retention_kept (
    ref text COLLATE "C" NOT NULL CONSTRAINT retention_kept_of_a_run REFERENCES habeas.retention_run (ref),
    key bytea NOT NULL,
    CONSTRAINT retention_kept_once PRIMARY KEY (ref, key),
    CONSTRAINT retention_kept_is_a_hash CHECK (octet_length(key) = 16)
);
COMMENT ON TABLE habeas.retention_kept IS 'keyed hashes of due rows that a run leaves alone; gone when it has ended';

CREATE TABLE habeas.retention_pause (
    ref text COLLATE "C" CONSTRAINT retention_pause_one_per_ref PRIMARY KEY
        CONSTRAINT retention_pause_has_a_data_key REFERENCES habeas.data_key (ref),
    system text COLLATE "C" NOT NULL,
    paused boolean NOT NULL,
    by text NOT NULL,
    reason bytea NOT NULL,
    at timestamptz NOT NULL
);
COMMENT ON TABLE habeas.retention_pause IS 'who paused or resumed the retention of a system; the newest row of a system holds';
COMMENT ON COLUMN habeas.retention_pause.reason IS 'sealed';
CREATE INDEX retention_pause_newest ON habeas.retention_pause (system, at);

GRANT SELECT, INSERT, UPDATE ON habeas.retention_run, habeas.retention_rule TO habeas_app;
GRANT SELECT, INSERT, DELETE ON habeas.retention_known, habeas.retention_kept TO habeas_app;
GRANT SELECT ON habeas.retention_pause TO habeas_app;
GRANT SELECT ON habeas.retention_run, habeas.retention_rule TO habeas_staff;
GRANT SELECT, INSERT ON habeas.retention_pause TO habeas_staff;

-- +goose Down
DROP TABLE habeas.retention_pause, habeas.retention_kept, habeas.retention_known, habeas.retention_rule, habeas.retention_run;
