-- +goose Up
ALTER TABLE habeas.evidence ADD COLUMN wiped_at timestamptz;
COMMENT ON COLUMN habeas.evidence.wiped_at IS 'when the file was deleted: proofs for a correction go 72 hours after the decision; hash and size stay';

CREATE TABLE habeas.name_check (
    ref text COLLATE "C" NOT NULL CONSTRAINT name_check_of_a_case REFERENCES habeas.case_file (ref),
    hash bytea NOT NULL CONSTRAINT name_check_has_its_hash CHECK (octet_length(hash) = 32),
    system text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT name_check_once_per_name PRIMARY KEY (ref, hash)
);
COMMENT ON TABLE habeas.name_check IS 'names that an identity service bore out for a case; those that people attest are signed tasks';
COMMENT ON COLUMN habeas.name_check.hash IS 'keyed hash of name and number';

GRANT UPDATE (wiped_at) ON habeas.evidence TO habeas_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON habeas.name_check TO habeas_app;
GRANT SELECT ON habeas.name_check TO habeas_staff;

-- +goose Down
DROP TABLE habeas.name_check;
ALTER TABLE habeas.evidence DROP COLUMN wiped_at;
