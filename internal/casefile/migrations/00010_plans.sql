-- +goose Up
ALTER TABLE habeas.case_file
    ADD COLUMN ground text NOT NULL DEFAULT '' CONSTRAINT case_file_ground_is_a_word CHECK (ground ~ '^[a-z-]{0,32}$'),
    ADD COLUMN withdrawn_at timestamptz,
    ADD COLUMN withdrawn_by text,
    ADD COLUMN withdrawn_why bytea,
    ADD COLUMN sole_at timestamptz,
    ADD COLUMN linked_to text COLLATE "C",
    ADD CONSTRAINT case_file_withdrawal_is_whole CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)
        AND (withdrawn_at IS NULL) = (withdrawn_why IS NULL));
COMMENT ON COLUMN habeas.case_file.ground IS 'why the person may have their data deleted; empty for other kinds of case';
COMMENT ON COLUMN habeas.case_file.withdrawn_why IS 'sealed: the words of whoever wrote the withdrawal down';
COMMENT ON COLUMN habeas.case_file.sole_at IS 'when it was seen to be the only open deletion of its person';
COMMENT ON COLUMN habeas.case_file.linked_to IS 'the open deletion of the same person, which goes on instead';

ALTER TABLE habeas.found_keys ADD COLUMN space text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE habeas.found_keys DROP CONSTRAINT found_keys_once_per_chunk,
    ADD CONSTRAINT found_keys_once_per_chunk PRIMARY KEY (ref, space, collection, columns, chunk);
COMMENT ON COLUMN habeas.found_keys.space IS 'empty for the discovery; the frozen keys of a plan and those of its read-back have spaces of their own';

CREATE TABLE habeas.plan (
    ref text COLLATE "C" NOT NULL CONSTRAINT plan_of_a_case REFERENCES habeas.case_file (ref),
    n integer NOT NULL,
    made_at timestamptz NOT NULL,
    choices text NOT NULL,
    without text[] NOT NULL,
    body bytea,
    hash bytea,
    rows bigint NOT NULL DEFAULT 0,
    large boolean NOT NULL DEFAULT false,
    review_task text COLLATE "C" CONSTRAINT plan_reviewed_in_a_task REFERENCES habeas.task (id),
    approval_task text COLLATE "C" CONSTRAINT plan_approved_in_a_task REFERENCES habeas.task (id),
    agreed_at timestamptz,
    cool_until timestamptz,
    begun_at timestamptz,
    CONSTRAINT plan_numbered_once PRIMARY KEY (ref, n),
    CONSTRAINT plan_numbers_start_at_one CHECK (n >= 1),
    CONSTRAINT plan_sealed_with_its_hash CHECK ((body IS NULL) = (hash IS NULL) AND (hash IS NULL OR octet_length(hash) = 32)),
    CONSTRAINT plan_agreement_is_whole CHECK ((agreed_at IS NULL) = (review_task IS NULL) AND (agreed_at IS NULL) = (approval_task IS NULL)
        AND (agreed_at IS NULL) = (cool_until IS NULL)),
    CONSTRAINT plan_begun_after_agreement CHECK (begun_at IS NULL OR agreed_at IS NOT NULL)
);
COMMENT ON TABLE habeas.plan IS 'what is deleted, changed and kept: frozen, sealed, and signed by its hash';
COMMENT ON COLUMN habeas.plan.body IS 'sealed: the canonical bytes of the plan';
COMMENT ON COLUMN habeas.plan.hash IS 'keyed hash of those bytes: counts and digests of keys may be guessed';
COMMENT ON COLUMN habeas.plan.made_at IS 'the time by which the ends of duties to keep are reckoned';

CREATE TABLE habeas.plan_part (
    ref text COLLATE "C" NOT NULL,
    n integer NOT NULL,
    system text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT plan_part_once_per_system PRIMARY KEY (ref, n, system),
    CONSTRAINT plan_part_of_a_plan FOREIGN KEY (ref, n) REFERENCES habeas.plan (ref, n)
);
COMMENT ON COLUMN habeas.plan_part.body IS 'sealed: what one system drafted';

CREATE TABLE habeas.erasure (
    ref text COLLATE "C" NOT NULL,
    n integer NOT NULL,
    system text COLLATE "C" NOT NULL,
    done text NOT NULL DEFAULT '[]',
    remains text,
    begun_at timestamptz NOT NULL,
    ended_at timestamptz,
    read_at timestamptz,
    CONSTRAINT erasure_once_per_system PRIMARY KEY (ref, n, system),
    CONSTRAINT erasure_of_a_plan FOREIGN KEY (ref, n) REFERENCES habeas.plan (ref, n),
    CONSTRAINT erasure_read_back_is_whole CHECK ((remains IS NULL) = (read_at IS NULL))
);
COMMENT ON COLUMN habeas.erasure.done IS 'JSON: counts by collection and class; nothing personal';
COMMENT ON COLUMN habeas.erasure.remains IS 'JSON: what the read-back found, by collection and reason, with counts';

CREATE TABLE habeas.certificate (
    ref text COLLATE "C" CONSTRAINT certificate_one_per_case PRIMARY KEY
        CONSTRAINT certificate_of_a_case REFERENCES habeas.case_file (ref),
    plan integer NOT NULL,
    body text NOT NULL,
    hash bytea NOT NULL CONSTRAINT certificate_has_its_hash CHECK (octet_length(hash) = 32),
    made_at timestamptz NOT NULL
);
COMMENT ON COLUMN habeas.certificate.body IS 'the signed certificate as JSON: systems, counts, laws and dates; nothing personal';

GRANT SELECT, INSERT, UPDATE ON habeas.plan, habeas.plan_part, habeas.erasure, habeas.certificate TO habeas_app;
GRANT SELECT ON habeas.plan, habeas.plan_part, habeas.erasure, habeas.certificate TO habeas_staff;
GRANT UPDATE (withdrawn_at, withdrawn_by, withdrawn_why) ON habeas.case_file TO habeas_staff;

-- +goose Down
DROP TABLE habeas.certificate, habeas.erasure, habeas.plan_part, habeas.plan;
DELETE FROM habeas.found_keys WHERE space <> '';
ALTER TABLE habeas.found_keys DROP CONSTRAINT found_keys_once_per_chunk,
    ADD CONSTRAINT found_keys_once_per_chunk PRIMARY KEY (ref, collection, columns, chunk);
ALTER TABLE habeas.found_keys DROP COLUMN space;
ALTER TABLE habeas.case_file DROP CONSTRAINT case_file_withdrawal_is_whole,
    DROP COLUMN ground, DROP COLUMN withdrawn_at, DROP COLUMN withdrawn_by, DROP COLUMN withdrawn_why,
    DROP COLUMN sole_at, DROP COLUMN linked_to;
