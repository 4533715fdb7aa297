-- +goose Up
CREATE TABLE habeas.identity (
    ref text COLLATE "C" CONSTRAINT identity_one_per_case PRIMARY KEY
        CONSTRAINT identity_of_a_case REFERENCES habeas.case_file (ref),
    need text NOT NULL,
    set_at timestamptz NOT NULL,
    facts_left integer NOT NULL CONSTRAINT identity_facts_never_below_zero CHECK (facts_left >= 0),
    facts_met_at timestamptz,
    wrong integer NOT NULL DEFAULT 0,
    locks integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    CONSTRAINT identity_locked_until_a_time CHECK ((locks = 0) = (locked_until IS NULL))
);
COMMENT ON TABLE habeas.identity IS 'what the person of a case has to prove, and how often somebody guessed';
COMMENT ON COLUMN habeas.identity.need IS 'rung, ways and reasons as JSON; set once, when it is settled whose case this is';
COMMENT ON COLUMN habeas.identity.facts_left IS 'how often the facts may still be answered';
COMMENT ON COLUMN habeas.identity.wrong IS 'wrong guesses since the last right one, or the last lock';
COMMENT ON COLUMN habeas.identity.locked_until IS 'no code is sent or taken before: too many wrong guesses';

GRANT SELECT, INSERT, UPDATE, DELETE ON habeas.identity TO habeas_app;
GRANT SELECT, UPDATE (facts_left, facts_met_at, wrong, locks, locked_until) ON habeas.identity TO habeas_staff;

-- +goose Down
DROP TABLE habeas.identity;
