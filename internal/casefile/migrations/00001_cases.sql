-- +goose Up
GRANT USAGE ON SCHEMA habeas TO habeas_app, habeas_staff;
GRANT SELECT ON habeas.schema_version TO habeas_app, habeas_staff;

CREATE TABLE habeas.data_key (
    ref text COLLATE "C" CONSTRAINT data_key_one_per_ref PRIMARY KEY,
    wrapped bytea,
    created_at timestamptz NOT NULL,
    destroyed_at timestamptz,
    CONSTRAINT data_key_ref_is_kind_and_random_id
        CHECK (ref ~ '^(case|notice|retention|hold|roster)/[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$'),
    CONSTRAINT data_key_is_there_until_destroyed CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
COMMENT ON TABLE habeas.data_key IS 'one data key a reference; destroying it is forgetting';
COMMENT ON COLUMN habeas.data_key.ref IS 'kind and random id; never derived from a person';
COMMENT ON COLUMN habeas.data_key.wrapped IS 'the data key, wrapped by the installation''s AEAD keyset with ref as associated data';

CREATE TABLE habeas.case_file (
    ref text COLLATE "C" CONSTRAINT case_file_one_per_ref PRIMARY KEY
        CONSTRAINT case_file_has_a_data_key REFERENCES habeas.data_key (ref),
    kind text NOT NULL,
    laws text[] NOT NULL,
    lang text NOT NULL,
    channel text NOT NULL,
    requester text NOT NULL,
    opened_by text NOT NULL,
    map_hash text NOT NULL,
    received_at timestamptz NOT NULL,
    opened_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    request bytea NOT NULL,
    state text NOT NULL,
    outcome text NOT NULL DEFAULT '',
    waiting_on text NOT NULL DEFAULT '',
    open_systems text[] NOT NULL DEFAULT '{}',
    account_source text COLLATE "C",
    account_n integer,
    account_how text,
    started_at timestamptz,
    closed_at timestamptz,
    forgotten_at timestamptz,
    CONSTRAINT case_file_ref_is_a_case CHECK (ref LIKE 'case/%'),
    CONSTRAINT case_file_kind_is_a_word CHECK (kind ~ '^[a-z][a-z_-]{0,31}$'),
    CONSTRAINT case_file_state_is_a_word CHECK (state ~ '^[a-z][a-z_-]{0,31}$'),
    CONSTRAINT case_file_lang_is_a_word CHECK (lang ~ '^[a-z]{2}$'),
    CONSTRAINT case_file_channel_is_a_word CHECK (channel ~ '^[a-z][a-z_-]{0,31}$'),
    CONSTRAINT case_file_requester_is_a_word CHECK (requester ~ '^[a-z][a-z_-]{0,31}$'),
    CONSTRAINT case_file_waiting_on_holds_no_address CHECK (waiting_on !~ '@' AND length(waiting_on) <= 120),
    CONSTRAINT case_file_received_before_opened CHECK (received_at <= opened_at),
    CONSTRAINT case_file_due_after_received CHECK (due_at > received_at),
    CONSTRAINT case_file_closed_has_time_and_outcome
        CHECK ((state = 'closed') = (closed_at IS NOT NULL) AND (state = 'closed') = (outcome <> '')),
    CONSTRAINT case_file_choice_is_whole CHECK ((account_source IS NULL) = (account_n IS NULL)
        AND (account_n IS NULL) = (account_how IS NULL))
);
COMMENT ON TABLE habeas.case_file IS 'one row a case: facts that are not personal, the sealed request, a projection of its state';
COMMENT ON COLUMN habeas.case_file.request IS 'sealed: identities and note, as JSON';
COMMENT ON COLUMN habeas.case_file.map_hash IS 'hash of the data map in force when the case was opened';
COMMENT ON COLUMN habeas.case_file.state IS 'projection for lists; the workflow is what moves a case';
COMMENT ON COLUMN habeas.case_file.waiting_on IS 'projection: what the case waits for, in words without names';
COMMENT ON COLUMN habeas.case_file.account_n IS 'which candidate of account_source is the person; NULL while open';
COMMENT ON COLUMN habeas.case_file.started_at IS 'when its workflow was seen to exist; NULL: the reconciler starts it';

CREATE INDEX case_file_open_by_due ON habeas.case_file (due_at, ref) WHERE closed_at IS NULL;
CREATE INDEX case_file_by_due ON habeas.case_file (due_at, ref);
CREATE INDEX case_file_unstarted ON habeas.case_file (opened_at, ref) WHERE started_at IS NULL AND closed_at IS NULL;

CREATE TABLE habeas.candidate (
    ref text COLLATE "C" NOT NULL CONSTRAINT candidate_of_a_case REFERENCES habeas.case_file (ref),
    source text COLLATE "C" NOT NULL,
    n integer NOT NULL,
    account bytea NOT NULL,
    CONSTRAINT candidate_numbered_once PRIMARY KEY (ref, source, n)
);
COMMENT ON TABLE habeas.candidate IS 'directory rows that the request may mean';
COMMENT ON COLUMN habeas.candidate.source IS 'the system in which it was found; empty when put for the whole case';
COMMENT ON COLUMN habeas.candidate.account IS 'sealed: key, channels and identities of one directory row';

CREATE TABLE habeas.blind_index (
    kind text COLLATE "C" NOT NULL,
    value bytea NOT NULL,
    ref text COLLATE "C" NOT NULL CONSTRAINT blind_index_of_a_ref REFERENCES habeas.data_key (ref),
    CONSTRAINT blind_index_written_once PRIMARY KEY (kind, value, ref),
    CONSTRAINT blind_index_is_a_keyed_hash CHECK (octet_length(value) = 32)
);
COMMENT ON COLUMN habeas.blind_index.value IS 'keyed hash (PRF) of a normalised identity of a verified person';
CREATE INDEX blind_index_by_ref ON habeas.blind_index (ref);

CREATE TABLE habeas.challenge (
    id text COLLATE "C" CONSTRAINT challenge_one_per_id PRIMARY KEY,
    ref text COLLATE "C" NOT NULL CONSTRAINT challenge_of_a_ref REFERENCES habeas.data_key (ref),
    purpose text COLLATE "C" NOT NULL,
    occasion text COLLATE "C" NOT NULL,
    channel text NOT NULL,
    digits integer NOT NULL,
    tries_left integer NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    met_at timestamptz,
    CONSTRAINT challenge_once_per_occasion UNIQUE (ref, purpose, occasion),
    CONSTRAINT challenge_tries_never_below_zero CHECK (tries_left >= 0),
    CONSTRAINT challenge_digits_can_be_typed CHECK (digits BETWEEN 4 AND 18),
    CONSTRAINT challenge_expires_after_issue CHECK (expires_at > issued_at)
);
COMMENT ON TABLE habeas.challenge IS 'one-time codes; the code is a truncated HMAC of the id under the data key and is never stored';
COMMENT ON COLUMN habeas.challenge.channel IS 'kind of channel it went to, never an address';
CREATE INDEX challenge_unmet ON habeas.challenge (ref, purpose, issued_at) WHERE met_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON habeas.data_key TO habeas_app;
GRANT SELECT, INSERT ON habeas.data_key TO habeas_staff;
GRANT SELECT, INSERT, UPDATE ON habeas.case_file TO habeas_app;
GRANT SELECT, INSERT, UPDATE (started_at) ON habeas.case_file TO habeas_staff;
GRANT SELECT, INSERT, UPDATE, DELETE ON habeas.candidate TO habeas_app;
GRANT SELECT ON habeas.candidate TO habeas_staff;
GRANT SELECT, INSERT, DELETE ON habeas.blind_index TO habeas_app;
GRANT SELECT ON habeas.blind_index TO habeas_staff;
GRANT SELECT, INSERT, UPDATE ON habeas.challenge TO habeas_app;
GRANT SELECT, UPDATE (tries_left, met_at) ON habeas.challenge TO habeas_staff;

-- +goose Down
DROP TABLE habeas.challenge, habeas.blind_index, habeas.candidate, habeas.case_file, habeas.data_key;
