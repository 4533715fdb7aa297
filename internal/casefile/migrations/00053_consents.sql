-- +goose Up
CREATE TABLE habeas.notice_consent (
    ref text COLLATE "C" NOT NULL CONSTRAINT notice_consent_of_a_notice REFERENCES habeas.notice (ref),
    n bigint NOT NULL,
    change bytea NOT NULL,
    agreed boolean NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT notice_consent_once_at_a_time PRIMARY KEY (ref, n, change, at),
    CONSTRAINT notice_consent_of_a_reader FOREIGN KEY (ref, n) REFERENCES habeas.recipient (ref, n)
);
COMMENT ON TABLE habeas.notice_consent IS 'what readers of a change of the policy said to it; the latest word holds, and those before stay';
COMMENT ON COLUMN habeas.notice_consent.change IS 'SHA-256 of the change as it was shown: another text asks anew';
GRANT SELECT, INSERT ON habeas.notice_consent TO habeas_staff;
GRANT SELECT, INSERT, DELETE ON habeas.notice_consent TO habeas_app;

-- +goose Down
DROP TABLE habeas.notice_consent;
