-- +goose Up
CREATE TABLE habeas.evidence (
    task text COLLATE "C" NOT NULL CONSTRAINT evidence_of_a_task REFERENCES habeas.task (id),
    sha256 bytea NOT NULL CONSTRAINT evidence_has_its_hash CHECK (octet_length(sha256) = 32),
    name bytea NOT NULL,
    blob text COLLATE "C" NOT NULL,
    size bigint NOT NULL CONSTRAINT evidence_size_is_bounded CHECK (size BETWEEN 0 AND 26214400),
    deflated bigint NOT NULL,
    crc32 bigint NOT NULL,
    added_by text NOT NULL,
    added_at timestamptz NOT NULL,
    CONSTRAINT evidence_once_per_task PRIMARY KEY (task, sha256)
);
COMMENT ON TABLE habeas.evidence IS 'files that came with what was done by hand; they lie sealed in the blob store until the case is forgotten';
COMMENT ON COLUMN habeas.evidence.name IS 'sealed: people write names into names of files';

GRANT SELECT, DELETE ON habeas.evidence TO habeas_app;
GRANT SELECT, INSERT ON habeas.evidence TO habeas_staff;

-- +goose Down
DROP TABLE habeas.evidence;
