-- +goose Up
ALTER TABLE habeas.data_key DROP CONSTRAINT data_key_ref_is_kind_and_random_id,
    ADD CONSTRAINT data_key_ref_is_kind_and_random_id
        CHECK (ref ~ '^(case|notice|retention|hold|roster|disclosure)/[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$');

CREATE TABLE habeas.disclosure (
    ref text COLLATE "C" CONSTRAINT disclosure_one_per_ref PRIMARY KEY
        CONSTRAINT disclosure_has_a_data_key REFERENCES habeas.data_key (ref),
    person_kind text COLLATE "C" NOT NULL,
    person_index bytea NOT NULL,
    statement bytea NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL,
    task text COLLATE "C" CONSTRAINT disclosure_signed_in_a_task REFERENCES habeas.task (id),
    entered boolean,
    decided_at timestamptz,
    CONSTRAINT disclosure_ref_is_one CHECK (ref LIKE 'disclosure/%'),
    CONSTRAINT disclosure_person_is_a_keyed_hash CHECK (octet_length(person_index) = 32),
    CONSTRAINT disclosure_is_decided_as_a_whole CHECK ((entered IS NULL) = (task IS NULL) AND (entered IS NULL) = (decided_at IS NULL))
);
COMMENT ON TABLE habeas.disclosure IS 'the register of disclosures to authorities (PIPL 18, 41): who got what, on which ground, by whose word';
COMMENT ON COLUMN habeas.disclosure.person_index IS 'keyed hash of the person''s normalised identity';
COMMENT ON COLUMN habeas.disclosure.statement IS 'sealed: authority, ground, day, categories, person, and whether the person may know, as signed';
COMMENT ON COLUMN habeas.disclosure.task IS 'the signed decision, verified again whenever it matters';
CREATE INDEX disclosure_by_person ON habeas.disclosure (person_kind, person_index) WHERE entered;

GRANT SELECT, UPDATE (task, entered, decided_at) ON habeas.disclosure TO habeas_app;
GRANT SELECT, INSERT ON habeas.disclosure TO habeas_staff;

-- +goose Down
DROP TABLE habeas.disclosure;
ALTER TABLE habeas.data_key DROP CONSTRAINT data_key_ref_is_kind_and_random_id,
    ADD CONSTRAINT data_key_ref_is_kind_and_random_id
        CHECK (ref ~ '^(case|notice|retention|hold|roster)/[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$') NOT VALID;
