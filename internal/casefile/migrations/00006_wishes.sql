-- +goose Up
CREATE TABLE habeas.code_wish (
    ref text COLLATE "C" NOT NULL CONSTRAINT code_wish_of_a_case REFERENCES habeas.case_file (ref) ON DELETE CASCADE,
    purpose text COLLATE "C" NOT NULL,
    hour timestamptz NOT NULL,
    n integer NOT NULL,
    CONSTRAINT code_wish_once_per_hour PRIMARY KEY (ref, purpose),
    CONSTRAINT code_wish_counts CHECK (n > 0)
);
COMMENT ON TABLE habeas.code_wish IS 'how often a one-time code was asked for in the hour that is on: a stranger who knows a number must not fill a workflow''s history';
GRANT SELECT, INSERT, UPDATE ON habeas.code_wish TO habeas_app, habeas_staff;

-- +goose Down
DROP TABLE habeas.code_wish;
