-- +goose Up
CREATE TABLE habeas.processor_request (
    ref text COLLATE "C" NOT NULL CONSTRAINT processor_request_of_a_case REFERENCES habeas.case_file (ref),
    system text COLLATE "C" NOT NULL,
    try integer NOT NULL CONSTRAINT processor_request_tries_are_counted CHECK (try > 0),
    request_id text COLLATE "C" NOT NULL CONSTRAINT processor_request_once_per_id UNIQUE,
    asked_at timestamptz NOT NULL,
    taken_at timestamptz,
    expected_at timestamptz,
    status text NOT NULL DEFAULT '',
    proof text,
    ended_at timestamptz,
    CONSTRAINT processor_request_once_per_try PRIMARY KEY (ref, system, try),
    CONSTRAINT processor_request_end_is_proven CHECK ((ended_at IS NULL) = (proof IS NULL))
);
COMMENT ON TABLE habeas.processor_request IS 'what was asked of other companies by OpenDSR';
COMMENT ON COLUMN habeas.processor_request.proof IS 'JSON: the signed answer and its certificate; nothing personal';

CREATE TABLE habeas.controller_request (
    ref text COLLATE "C" NOT NULL CONSTRAINT controller_request_of_a_case REFERENCES habeas.case_file (ref),
    controller text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    body_hash bytea NOT NULL CONSTRAINT controller_request_has_its_hash CHECK (octet_length(body_hash) = 32),
    proof bytea NOT NULL,
    callbacks text[] NOT NULL,
    received_at timestamptz NOT NULL,
    expected_at timestamptz NOT NULL,
    called_at timestamptz,
    CONSTRAINT controller_request_one_per_case PRIMARY KEY (ref),
    CONSTRAINT controller_request_once_per_id UNIQUE (controller, request_id)
);
COMMENT ON TABLE habeas.controller_request IS 'what other companies asked of us by OpenDSR: the signature stands for the person who proved who they are there';
COMMENT ON COLUMN habeas.controller_request.body_hash IS 'keyed hash of the request, which itself is never kept';
COMMENT ON COLUMN habeas.controller_request.proof IS 'sealed JSON: SHA-256 of what was signed, signature, time';

GRANT SELECT, INSERT, UPDATE, DELETE ON habeas.processor_request TO habeas_app;
GRANT SELECT ON habeas.processor_request TO habeas_staff;
GRANT SELECT, INSERT ON habeas.controller_request TO habeas_staff;
GRANT SELECT, DELETE, UPDATE (called_at) ON habeas.controller_request TO habeas_app;

-- +goose Down
DROP TABLE habeas.controller_request, habeas.processor_request;
