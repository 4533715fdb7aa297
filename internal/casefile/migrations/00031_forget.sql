-- +goose Up
-- The worker forgets cases; nobody else may delete anything of one.
GRANT DELETE ON habeas.decision, habeas.task_reminder, habeas.extension, habeas.clock_stop, habeas.motion, habeas.alarm, habeas.case_law,
    habeas.certificate, habeas.erasure, habeas.plan_part, habeas.plan, habeas.package, habeas.part, habeas.found_count, habeas.letter, habeas.code_wish, habeas.challenge, habeas.task, habeas.case_file TO habeas_app;
CREATE INDEX case_file_closed ON habeas.case_file (ref) WHERE closed_at IS NOT NULL;

-- +goose Down
DROP INDEX habeas.case_file_closed;
REVOKE DELETE ON habeas.decision, habeas.task_reminder, habeas.extension, habeas.clock_stop, habeas.motion, habeas.alarm, habeas.case_law,
    habeas.certificate, habeas.erasure, habeas.plan_part, habeas.plan, habeas.package, habeas.part, habeas.found_count, habeas.letter, habeas.code_wish, habeas.challenge, habeas.task, habeas.case_file FROM habeas_app;
