-- +goose Up
CREATE TABLE habeas.notice (
    ref text COLLATE "C" CONSTRAINT notice_one_per_ref PRIMARY KEY
        CONSTRAINT notice_has_a_data_key REFERENCES habeas.data_key (ref),
    kind text NOT NULL,
    exercise boolean NOT NULL,
    laws text[] NOT NULL,
    opened_by text NOT NULL,
    opened_at timestamptz NOT NULL,
    aware_at timestamptz,
    due_at timestamptz NOT NULL,
    map_hash text NOT NULL,
    file bytea NOT NULL,
    file_hash bytea NOT NULL,
    state text NOT NULL DEFAULT 'received',
    waiting_on text NOT NULL DEFAULT '',
    outcome text NOT NULL DEFAULT '',
    started_at timestamptz,
    closed_at timestamptz,
    frozen_at timestamptz,
    list_hash bytea,
    people bigint NOT NULL DEFAULT 0,
    loose bigint NOT NULL DEFAULT 0,
    rate integer NOT NULL,
    domain_rate integer NOT NULL,
    paused text NOT NULL DEFAULT '',
    aborted_at timestamptz,
    sent bigint NOT NULL DEFAULT 0,
    bad bigint NOT NULL DEFAULT 0,
    base_sent bigint NOT NULL DEFAULT 0,
    base_bad bigint NOT NULL DEFAULT 0,
    CONSTRAINT notice_ref_is_a_notice CHECK (ref LIKE 'notice/%'),
    CONSTRAINT notice_kind_is_known CHECK (kind IN ('breach', 'policy-change', 'transfer')),
    CONSTRAINT notice_waiting_on_holds_no_address CHECK (waiting_on !~ '@' AND length(waiting_on) <= 120),
    CONSTRAINT notice_closed_has_time_and_outcome CHECK ((state = 'closed') = (closed_at IS NOT NULL) AND (state = 'closed') = (outcome <> '')),
    CONSTRAINT notice_frozen_has_hash CHECK ((frozen_at IS NULL) = (list_hash IS NULL)),
    CONSTRAINT notice_paused_for_a_reason CHECK (paused IN ('', 'staff', 'stopped'))
);
COMMENT ON TABLE habeas.notice IS 'one row a mass notice: a breach, a change of the policy, a transfer';
COMMENT ON COLUMN habeas.notice.file IS 'sealed: the incident file as JSON';
COMMENT ON COLUMN habeas.notice.list_hash IS 'SHA-256 over the frozen list, in its order';
COMMENT ON COLUMN habeas.notice.loose IS 'rows of the scopes behind which nobody was found';
COMMENT ON COLUMN habeas.notice.bad IS 'refused for good, at once or by a bounce';
COMMENT ON COLUMN habeas.notice.base_sent IS 'sent when the counting for the automatic stop began anew';
CREATE INDEX notice_by_opening ON habeas.notice (opened_at, ref);
CREATE INDEX notice_unstarted ON habeas.notice (opened_at, ref) WHERE started_at IS NULL AND closed_at IS NULL;

CREATE TABLE habeas.concerned (
    ref text COLLATE "C" NOT NULL CONSTRAINT concerned_of_a_notice REFERENCES habeas.notice (ref),
    scope integer NOT NULL,
    hop integer NOT NULL,
    key bytea NOT NULL,
    loosely bytea,
    known boolean NOT NULL,
    lang text NOT NULL,
    domain bytea,
    person bytea NOT NULL
);
COMMENT ON TABLE habeas.concerned IS 'who was found, before the list is frozen; empty afterwards';
COMMENT ON COLUMN habeas.concerned.key IS 'keyed hash of the address as it is written to, or of the account where there is none';
COMMENT ON COLUMN habeas.concerned.loosely IS 'keyed hash of the address without regard to case';
COMMENT ON COLUMN habeas.concerned.known IS 'a directory row stands behind it';
CREATE INDEX concerned_by_scope ON habeas.concerned (ref, scope, hop);

CREATE TABLE habeas.recipient (
    ref text COLLATE "C" NOT NULL CONSTRAINT recipient_of_a_notice REFERENCES habeas.notice (ref),
    n bigint NOT NULL,
    key bytea NOT NULL,
    lang text NOT NULL,
    domain bytea,
    scopes integer[] NOT NULL,
    wave integer NOT NULL,
    state text COLLATE "C" NOT NULL,
    person bytea NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    repeated integer NOT NULL DEFAULT 0,
    unclear integer NOT NULL DEFAULT 0,
    reply text NOT NULL DEFAULT '',
    first_at timestamptz,
    next_at timestamptz,
    sent_at timestamptz,
    bounce text NOT NULL DEFAULT '',
    bounced_at timestamptz,
    step text NOT NULL DEFAULT '',
    tried text NOT NULL DEFAULT '',
    told_at timestamptz,
    CONSTRAINT recipient_numbered_once PRIMARY KEY (ref, n),
    CONSTRAINT recipient_once_per_notice UNIQUE (ref, key),
    CONSTRAINT recipient_state_is_known CHECK (state IN
        ('waiting', 'claimed', 'sending', 'deferred', 'sent', 'refused', 'bounced', 'expired', 'unclear', 'nomail')),
    CONSTRAINT recipient_reply_is_a_status CHECK (reply ~ '^([0-9]{3}( [0-9]\.[0-9]{1,3}\.[0-9]{1,3})?|[a-z-]{0,32})$'),
    CONSTRAINT recipient_step_is_known CHECK (step IN ('', 'sms', 'phone', 'letter', 'public'))
);
COMMENT ON TABLE habeas.recipient IS 'the frozen list of a notice: one row a person, told once';
COMMENT ON COLUMN habeas.recipient.person IS 'sealed: address, mobile, postal address, masked account name';
COMMENT ON COLUMN habeas.recipient.state IS 'of the e-mail; sending is undecided at a crash';
COMMENT ON COLUMN habeas.recipient.repeated IS 'how often a crash left it undecided and it was sent again, with the same Message-ID';
COMMENT ON COLUMN habeas.recipient.unclear IS 'how often the server hung up behind DATA';
COMMENT ON COLUMN habeas.recipient.step IS 'the other way by which the person was told';
CREATE INDEX recipient_due ON habeas.recipient (ref, n) WHERE state IN ('waiting', 'claimed', 'sending', 'deferred');
CREATE INDEX recipient_unreached ON habeas.recipient (ref, n) WHERE state IN ('refused', 'bounced', 'expired', 'unclear', 'nomail') AND step = '';

CREATE TABLE habeas.notice_group (
    ref text COLLATE "C" NOT NULL CONSTRAINT notice_group_of_a_notice REFERENCES habeas.notice (ref),
    domain bytea NOT NULL,
    busy_until timestamptz NOT NULL,
    strikes integer NOT NULL,
    CONSTRAINT notice_group_once_per_domain PRIMARY KEY (ref, domain)
);
COMMENT ON TABLE habeas.notice_group IS 'receiving domains that asked to be left alone for a while';

CREATE TABLE habeas.notice_canary (
    ref text COLLATE "C" NOT NULL CONSTRAINT notice_canary_of_a_notice REFERENCES habeas.notice (ref),
    n integer NOT NULL,
    lang text NOT NULL,
    file_hash bytea NOT NULL,
    reply text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT notice_canary_once_per_text PRIMARY KEY (ref, n, lang, file_hash),
    CONSTRAINT notice_canary_reply_is_a_status CHECK (reply ~ '^([0-9]{3}( [0-9]\.[0-9]{1,3}\.[0-9]{1,3})?|[a-z-]{0,32})$')
);
COMMENT ON TABLE habeas.notice_canary IS 'what became of the letters to the company''s own addresses';

CREATE TABLE habeas.notice_clock (
    ref text COLLATE "C" NOT NULL CONSTRAINT notice_clock_of_a_notice REFERENCES habeas.notice (ref),
    authority text COLLATE "C" NOT NULL,
    law text NOT NULL,
    from_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    drafted_at timestamptz,
    warned integer NOT NULL DEFAULT 0,
    missed_at timestamptz,
    filed_at timestamptz,
    CONSTRAINT notice_clock_once_per_authority PRIMARY KEY (ref, authority),
    CONSTRAINT notice_clock_authority_is_a_word CHECK (authority ~ '^[a-z][a-z-]{0,31}$'),
    CONSTRAINT notice_clock_runs_forward CHECK (due_at >= from_at)
);
COMMENT ON TABLE habeas.notice_clock IS 'which authority wants to hear of it until when, and when it did';

GRANT SELECT, INSERT, UPDATE ON habeas.notice TO habeas_app;
GRANT SELECT, INSERT, UPDATE (started_at, file, file_hash) ON habeas.notice TO habeas_staff;
GRANT SELECT, INSERT, DELETE ON habeas.concerned TO habeas_app;
GRANT SELECT, INSERT, UPDATE ON habeas.recipient, habeas.notice_group, habeas.notice_clock, habeas.notice_canary TO habeas_app;
GRANT SELECT ON habeas.concerned, habeas.recipient, habeas.notice_group, habeas.notice_clock, habeas.notice_canary TO habeas_staff;

-- +goose Down
DROP TABLE habeas.notice_clock, habeas.notice_canary, habeas.notice_group, habeas.recipient, habeas.concerned, habeas.notice;
