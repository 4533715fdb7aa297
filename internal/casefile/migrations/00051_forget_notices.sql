-- +goose Up
-- The worker forgets notices; nobody else may delete anything of one.
GRANT DELETE ON habeas.recipient, habeas.notice_group, habeas.notice_canary, habeas.notice_clock, habeas.notice TO habeas_app;
CREATE INDEX notice_closed ON habeas.notice (ref) WHERE closed_at IS NOT NULL;

-- +goose Down
DROP INDEX habeas.notice_closed;
REVOKE DELETE ON habeas.recipient, habeas.notice_group, habeas.notice_canary, habeas.notice_clock, habeas.notice FROM habeas_app;
