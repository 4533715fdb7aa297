-- +goose Up
CREATE TABLE habeas.law_text (
    digest text COLLATE "C" CONSTRAINT law_text_once_per_digest PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    version text NOT NULL,
    body text NOT NULL,
    added_at timestamptz NOT NULL,
    CONSTRAINT law_text_digest_is_sha256 CHECK (digest ~ '^[0-9a-f]{64}$')
);
COMMENT ON TABLE habeas.law_text IS 'laws with their calendars as they were when a case was pinned to them; nothing personal';

CREATE TABLE habeas.case_law (
    ref text COLLATE "C" NOT NULL CONSTRAINT case_law_of_a_case REFERENCES habeas.case_file (ref),
    edition integer NOT NULL,
    n integer NOT NULL,
    digest text COLLATE "C" NOT NULL CONSTRAINT case_law_is_kept REFERENCES habeas.law_text (digest),
    at timestamptz NOT NULL,
    CONSTRAINT case_law_numbered_once PRIMARY KEY (ref, edition, n)
);
COMMENT ON TABLE habeas.case_law IS 'the laws that a case is pinned to; the highest edition holds';

CREATE TABLE habeas.motion (
    ref text COLLATE "C" NOT NULL CONSTRAINT motion_of_a_case REFERENCES habeas.case_file (ref),
    n integer NOT NULL,
    kind text COLLATE "C" NOT NULL,
    law text COLLATE "C" NOT NULL DEFAULT '',
    code text COLLATE "C" NOT NULL DEFAULT '',
    words bytea NOT NULL,
    author text COLLATE "C" NOT NULL,
    made_at timestamptz NOT NULL,
    applied_at timestamptz,
    CONSTRAINT motion_numbered_once PRIMARY KEY (ref, n),
    CONSTRAINT motion_kind_is_known CHECK (kind IN ('extend', 'refuse', 'pause', 'resume', 'recompute'))
);
COMMENT ON TABLE habeas.motion IS 'what staff move about a case: written first, then said to the workflow, then applied';
COMMENT ON COLUMN habeas.motion.words IS 'sealed: facts of a refusal, question of a pause';

CREATE TABLE habeas.clock_stop (
    ref text COLLATE "C" NOT NULL CONSTRAINT clock_stop_of_a_case REFERENCES habeas.case_file (ref),
    n integer NOT NULL,
    kind text COLLATE "C" NOT NULL,
    asked_at timestamptz NOT NULL,
    answered_at timestamptz,
    CONSTRAINT clock_stop_once_per_motion PRIMARY KEY (ref, n),
    CONSTRAINT clock_stop_kind_is_known CHECK (kind IN ('identity', 'clarify')),
    CONSTRAINT clock_stop_is_answered_after_it_was_asked CHECK (answered_at >= asked_at)
);
COMMENT ON TABLE habeas.clock_stop IS 'times in which the company waited for the person; a clock is computed from them, never changed by hand';
CREATE UNIQUE INDEX clock_stop_one_at_a_time ON habeas.clock_stop (ref) WHERE answered_at IS NULL;

CREATE TABLE habeas.extension (
    ref text COLLATE "C" NOT NULL CONSTRAINT extension_of_a_case REFERENCES habeas.case_file (ref),
    law text COLLATE "C" NOT NULL,
    ground text COLLATE "C" NOT NULL,
    task text COLLATE "C" NOT NULL CONSTRAINT extension_rests_on_a_task REFERENCES habeas.task (id),
    due_before timestamptz NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT extension_once_per_law PRIMARY KEY (ref, law)
);

CREATE TABLE habeas.alarm (
    ref text COLLATE "C" NOT NULL CONSTRAINT alarm_of_a_case REFERENCES habeas.case_file (ref),
    due_at timestamptz NOT NULL,
    level text COLLATE "C" NOT NULL,
    raised_at timestamptz NOT NULL,
    told_at timestamptz,
    CONSTRAINT alarm_once_per_level PRIMARY KEY (ref, due_at, level),
    CONSTRAINT alarm_level_is_a_word CHECK (level ~ '^[a-z0-9-]{1,32}$')
);
COMMENT ON TABLE habeas.alarm IS 'warnings that a clock has raised; the digest tells staff of them';
CREATE INDEX alarm_untold ON habeas.alarm (raised_at) WHERE told_at IS NULL;

CREATE TABLE habeas.task_reminder (
    task text COLLATE "C" NOT NULL CONSTRAINT task_reminder_of_a_task REFERENCES habeas.task (id),
    rung integer NOT NULL,
    told_at timestamptz NOT NULL,
    CONSTRAINT task_reminder_once_per_rung PRIMARY KEY (task, rung)
);
COMMENT ON TABLE habeas.task_reminder IS 'whom a digest reminded of a waiting task: 1 its owner, 2 the deputy, 3 the privacy lead';

GRANT SELECT, INSERT ON habeas.law_text, habeas.case_law, habeas.motion TO habeas_app, habeas_staff;
GRANT UPDATE (applied_at) ON habeas.motion TO habeas_app;
GRANT SELECT, INSERT, UPDATE ON habeas.clock_stop, habeas.extension, habeas.alarm, habeas.task_reminder TO habeas_app;
GRANT SELECT ON habeas.clock_stop, habeas.extension, habeas.alarm, habeas.task_reminder TO habeas_staff;

-- +goose Down
DROP TABLE habeas.task_reminder, habeas.alarm, habeas.extension, habeas.clock_stop, habeas.motion, habeas.case_law, habeas.law_text;
