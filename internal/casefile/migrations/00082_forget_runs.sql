-- +goose Up
-- The worker forgets runs of retention; nobody else may delete anything of one.
GRANT DELETE ON habeas.retention_run TO habeas_app;
CREATE INDEX retention_run_ended ON habeas.retention_run (ref) WHERE ended_at IS NOT NULL;

-- +goose Down
DROP INDEX habeas.retention_run_ended;
REVOKE DELETE ON habeas.retention_run FROM habeas_app;
