-- +goose Up
CREATE TABLE habeas.notice_bounce (
    ref text COLLATE "C" NOT NULL CONSTRAINT notice_bounce_of_a_notice REFERENCES habeas.notice (ref),
    n bigint NOT NULL,
    message bytea NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT notice_bounce_counted_once PRIMARY KEY (ref, n, message)
);
COMMENT ON TABLE habeas.notice_bounce IS 'messages of a mailbox that were read: each counts once, however often the mailbox is read';
COMMENT ON COLUMN habeas.notice_bounce.message IS 'keyed hash of the whole message';
GRANT SELECT, INSERT, DELETE ON habeas.notice_bounce TO habeas_app;
GRANT SELECT ON habeas.notice_bounce TO habeas_staff;

-- +goose Down
DROP TABLE habeas.notice_bounce;
