-- +goose Up
CREATE TABLE habeas.erased (
    person bytea NOT NULL CONSTRAINT erased_person_is_a_hash CHECK (octet_length(person) = 32),
    hash bytea NOT NULL CONSTRAINT erased_hash_is_a_hash CHECK (octet_length(hash) = 32),
    erased_at timestamptz NOT NULL,
    keep_until timestamptz NOT NULL,
    CONSTRAINT erased_once_per_person PRIMARY KEY (hash, person)
);
COMMENT ON TABLE habeas.erased IS 'who was erased, for the day on which a backup from before is restored; gone with the last such backup';
COMMENT ON COLUMN habeas.erased.person IS 'keyed hash of the case: what belongs to one person, and not whose';
COMMENT ON COLUMN habeas.erased.hash IS 'keyed hash of a kind of identity and its normalised value, or of the key of the directory row';
CREATE INDEX erased_over ON habeas.erased (keep_until);

GRANT SELECT, INSERT, UPDATE, DELETE ON habeas.erased TO habeas_app;
GRANT SELECT ON habeas.erased TO habeas_staff;

-- +goose Down
DROP TABLE habeas.erased;
