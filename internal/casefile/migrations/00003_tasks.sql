-- +goose Up
CREATE TABLE habeas.task (
    id text COLLATE "C" CONSTRAINT task_one_per_id PRIMARY KEY,
    ref text COLLATE "C" NOT NULL CONSTRAINT task_of_a_ref REFERENCES habeas.data_key (ref),
    kind text COLLATE "C" NOT NULL,
    occasion text COLLATE "C" NOT NULL,
    system text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'open',
    shown bytea NOT NULL,
    choices text,
    digest bytea NOT NULL,
    nonce bytea NOT NULL,
    opened_at timestamptz NOT NULL,
    due_at timestamptz,
    done_at timestamptz,
    verdict text NOT NULL DEFAULT '',
    void_why text NOT NULL DEFAULT '',
    CONSTRAINT task_once_per_occasion UNIQUE (ref, kind, occasion),
    CONSTRAINT task_state_is_known CHECK (state IN ('open', 'done', 'void')),
    CONSTRAINT task_done_has_verdict CHECK ((state = 'done') = (verdict <> '')),
    CONSTRAINT task_ended_has_time CHECK ((state = 'open') = (done_at IS NULL)),
    CONSTRAINT task_digest_is_sha256 CHECK (octet_length(digest) = 32),
    CONSTRAINT task_nonce_is_random CHECK (octet_length(nonce) = 16)
);
COMMENT ON TABLE habeas.task IS 'what waits for a human';
COMMENT ON COLUMN habeas.task.shown IS 'sealed: canonical JSON of what the human is shown';
COMMENT ON COLUMN habeas.task.choices IS 'canonical JSON of the choices made on it; no values of people; NULL when none';
COMMENT ON COLUMN habeas.task.digest IS 'SHA-256 over shown and choices: what a decision signs';
CREATE INDEX task_open ON habeas.task (opened_at, id) WHERE state = 'open';
CREATE INDEX task_by_opening ON habeas.task (opened_at, id);

CREATE TABLE habeas.decision (
    task text COLLATE "C" NOT NULL CONSTRAINT decision_of_a_task REFERENCES habeas.task (id),
    staff text COLLATE "C" NOT NULL,
    n integer NOT NULL,
    enrolment text COLLATE "C" NOT NULL,
    verdict text NOT NULL,
    reason bytea NOT NULL,
    digest bytea NOT NULL,
    nonce bytea NOT NULL,
    signature bytea NOT NULL,
    done boolean NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT decision_once_per_person PRIMARY KEY (task, staff),
    CONSTRAINT decision_numbered_once UNIQUE (task, n),
    CONSTRAINT decision_signature_is_ed25519 CHECK (octet_length(signature) = 64)
);
COMMENT ON TABLE habeas.decision IS 'accepted decisions; each is verified again whenever something rests on it';
COMMENT ON COLUMN habeas.decision.enrolment IS 'roster reference under which the signer was enrolled; empty for a pinned key';
COMMENT ON COLUMN habeas.decision.reason IS 'sealed: people write names into reasons';
COMMENT ON COLUMN habeas.decision.done IS 'whether this one decided the task: the answer that was given';

CREATE TABLE habeas.roster_change (
    ref text COLLATE "C" CONSTRAINT roster_change_one_per_ref PRIMARY KEY
        CONSTRAINT roster_change_has_a_data_key REFERENCES habeas.data_key (ref),
    name text COLLATE "C" NOT NULL,
    public_key bytea NOT NULL,
    roles text[] NOT NULL,
    opened_by text NOT NULL,
    opened_at timestamptz NOT NULL,
    started_at timestamptz,
    CONSTRAINT roster_change_ref_is_a_roster CHECK (ref LIKE 'roster/%'),
    CONSTRAINT roster_change_key_is_ed25519 CHECK (octet_length(public_key) = 32),
    CONSTRAINT roster_change_gives_a_role CHECK (cardinality(roles) > 0)
);
COMMENT ON TABLE habeas.roster_change IS 'proposals to let somebody sign';
CREATE INDEX roster_change_unstarted ON habeas.roster_change (opened_at, ref) WHERE started_at IS NULL;

CREATE TABLE habeas.staff_member (
    enrolment text COLLATE "C" CONSTRAINT staff_member_once_per_enrolment PRIMARY KEY
        CONSTRAINT staff_member_was_proposed REFERENCES habeas.roster_change (ref),
    task text COLLATE "C" NOT NULL CONSTRAINT staff_member_rests_on_a_task REFERENCES habeas.task (id),
    name text COLLATE "C" NOT NULL,
    public_key bytea NOT NULL,
    roles text[] NOT NULL,
    enrolled_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_by text NOT NULL DEFAULT '',
    CONSTRAINT staff_member_key_is_ed25519 CHECK (octet_length(public_key) = 32),
    CONSTRAINT staff_member_revoked_by_somebody CHECK ((revoked_at IS NULL) = (revoked_by = ''))
);
COMMENT ON TABLE habeas.staff_member IS 'enrolled keys; a row is trusted only through the signatures on its task';
CREATE UNIQUE INDEX staff_member_one_key_at_a_time ON habeas.staff_member (name) WHERE revoked_at IS NULL;
CREATE INDEX staff_member_by_name ON habeas.staff_member (name, enrolled_at);

GRANT SELECT, INSERT, UPDATE ON habeas.task TO habeas_app;
GRANT SELECT, UPDATE (choices, digest) ON habeas.task TO habeas_staff;
GRANT SELECT, INSERT ON habeas.decision TO habeas_app;
GRANT SELECT ON habeas.decision TO habeas_staff;
GRANT SELECT, INSERT, UPDATE (started_at) ON habeas.roster_change TO habeas_app, habeas_staff;
GRANT SELECT, INSERT, UPDATE (revoked_at, revoked_by) ON habeas.staff_member TO habeas_app;
GRANT SELECT, UPDATE (revoked_at, revoked_by) ON habeas.staff_member TO habeas_staff;

-- +goose Down
DROP TABLE habeas.staff_member, habeas.roster_change, habeas.decision, habeas.task;
