-- +goose Up
ALTER TABLE habeas.case_file
    ADD COLUMN scope text NOT NULL DEFAULT ''
        CONSTRAINT case_file_scope_is_words CHECK (scope ~ '^([a-z][a-z0-9-]{0,39}(:[a-z][a-z0-9-]{0,39})?)?$');
COMMENT ON COLUMN habeas.case_file.scope IS 'what the case is about where its kind alone does not say: a purpose, the kinds of data alone, the account';

ALTER TABLE habeas.plan DROP CONSTRAINT plan_agreement_is_whole,
    ADD CONSTRAINT plan_agreement_is_whole CHECK ((agreed_at IS NULL) = (cool_until IS NULL)
        AND (review_task IS NULL) = (approval_task IS NULL) AND (review_task IS NULL OR agreed_at IS NOT NULL));

CREATE TABLE habeas.suppression (
    scope text COLLATE "C" NOT NULL,
    address bytea NOT NULL,
    since timestamptz NOT NULL,
    channel text NOT NULL,
    ref text COLLATE "C" NOT NULL,
    asked_at timestamptz NOT NULL,
    CONSTRAINT suppression_once_per_address PRIMARY KEY (scope, address),
    CONSTRAINT suppression_scope_is_known CHECK (scope IN ('marketing', 'tracking')),
    CONSTRAINT suppression_address_is_a_hash CHECK (octet_length(address) = 32),
    CONSTRAINT suppression_since_before_asked CHECK (since <= asked_at)
);
COMMENT ON TABLE habeas.suppression IS 'addresses that mass letters leave out; it outlives the case that wrote it';
COMMENT ON COLUMN habeas.suppression.address IS 'keyed hash of the normalised address: without the key nobody can find out whose it is';
COMMENT ON COLUMN habeas.suppression.ref IS 'the last case that asked for it; it may be forgotten';
GRANT SELECT, INSERT, UPDATE (ref, asked_at) ON habeas.suppression TO habeas_app, habeas_staff;

ALTER TABLE habeas.recipient DROP CONSTRAINT recipient_state_is_known,
    ADD CONSTRAINT recipient_state_is_known CHECK (state IN
        ('waiting', 'claimed', 'sending', 'deferred', 'sent', 'refused', 'bounced', 'expired', 'unclear', 'nomail', 'suppressed'));

CREATE TABLE habeas.restriction (
    ref text COLLATE "C" CONSTRAINT restriction_one_per_case PRIMARY KEY
        CONSTRAINT restriction_of_a_case REFERENCES habeas.case_file (ref),
    in_force_at timestamptz,
    asked integer NOT NULL DEFAULT 0,
    asked_at timestamptz,
    asked_by text,
    asked_why bytea,
    lift_from integer,
    ended_at timestamptz,
    CONSTRAINT restriction_asked_is_whole CHECK ((asked = 0) = (asked_at IS NULL) AND (asked = 0) = (asked_by IS NULL) AND (asked = 0) = (asked_why IS NULL)),
    CONSTRAINT restriction_ends_after_it_began CHECK (in_force_at IS NOT NULL OR (asked = 0 AND lift_from IS NULL AND ended_at IS NULL))
);
COMMENT ON TABLE habeas.restriction IS 'since when a restriction is in force, and who wants it to end';
COMMENT ON COLUMN habeas.restriction.asked IS 'how often somebody asked for its end; the last asking is the one that counts';
COMMENT ON COLUMN habeas.restriction.asked_why IS 'sealed: the words of whoever wants it to end';
COMMENT ON COLUMN habeas.restriction.lift_from IS 'the first plan that sets back what the ones before it had set';
GRANT SELECT, INSERT, UPDATE, DELETE ON habeas.restriction TO habeas_app;
GRANT SELECT, UPDATE (asked, asked_at, asked_by, asked_why, lift_from) ON habeas.restriction TO habeas_staff;

CREATE TABLE habeas.recipient_call (
    ref text COLLATE "C" NOT NULL CONSTRAINT recipient_call_of_a_case REFERENCES habeas.case_file (ref),
    system text COLLATE "C" NOT NULL,
    what text NOT NULL,
    begun_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 1,
    answered_at timestamptz,
    status integer,
    CONSTRAINT recipient_call_once PRIMARY KEY (ref, system, what),
    CONSTRAINT recipient_call_says_a_known_thing CHECK (what IN ('stopped', 'lifted')),
    CONSTRAINT recipient_call_answer_is_whole CHECK ((answered_at IS NULL) = (status IS NULL))
);
COMMENT ON TABLE habeas.recipient_call IS 'recipients that were told that a purpose has ended';
GRANT SELECT, INSERT, UPDATE, DELETE ON habeas.recipient_call TO habeas_app;
GRANT SELECT ON habeas.recipient_call TO habeas_staff;

-- +goose Down
DROP TABLE habeas.recipient_call;
DROP TABLE habeas.restriction;
DROP TABLE habeas.suppression;
UPDATE habeas.recipient SET state = 'nomail' WHERE state = 'suppressed';
ALTER TABLE habeas.recipient DROP CONSTRAINT recipient_state_is_known,
    ADD CONSTRAINT recipient_state_is_known CHECK (state IN
        ('waiting', 'claimed', 'sending', 'deferred', 'sent', 'refused', 'bounced', 'expired', 'unclear', 'nomail'));
ALTER TABLE habeas.plan DROP CONSTRAINT plan_agreement_is_whole,
    ADD CONSTRAINT plan_agreement_is_whole CHECK ((agreed_at IS NULL) = (review_task IS NULL) AND (agreed_at IS NULL) = (approval_task IS NULL)
        AND (agreed_at IS NULL) = (cool_until IS NULL));
ALTER TABLE habeas.case_file DROP COLUMN scope;
