-- +goose Up
CREATE TABLE habeas.letter (
    key text COLLATE "C" CONSTRAINT letter_one_per_key PRIMARY KEY,
    ref text COLLATE "C" NOT NULL CONSTRAINT letter_of_a_ref REFERENCES habeas.data_key (ref),
    template text NOT NULL,
    occasion text NOT NULL,
    lang text NOT NULL,
    channel text NOT NULL,
    message_id text NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    repeated integer NOT NULL DEFAULT 0,
    reply text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    CONSTRAINT letter_state_is_known CHECK (state IN ('pending', 'sending', 'sent', 'refused')),
    CONSTRAINT letter_sent_has_time CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    CONSTRAINT letter_channel_is_a_kind CHECK (channel ~ '^[a-z][a-z_-]{0,31}$'),
    CONSTRAINT letter_reply_is_a_status CHECK (reply ~ '^([0-9]{3}( [0-9]\.[0-9]{1,3}\.[0-9]{1,3})?|[a-z-]{0,32})$')
);
COMMENT ON TABLE habeas.letter IS 'the outbox: which letter was sent when; neither text nor address';
COMMENT ON COLUMN habeas.letter.message_id IS 'derived from key: a repeat carries the same one';
COMMENT ON COLUMN habeas.letter.repeated IS 'how often it was sent again because a crash left it undecided';
COMMENT ON COLUMN habeas.letter.reply IS 'SMTP code and enhanced status only: the server''s words quote addresses';
CREATE INDEX letter_by_ref ON habeas.letter (ref, created_at);

CREATE TABLE habeas.found_keys (
    ref text COLLATE "C" NOT NULL CONSTRAINT found_keys_of_a_ref REFERENCES habeas.data_key (ref),
    collection text COLLATE "C" NOT NULL,
    columns text COLLATE "C" NOT NULL,
    chunk integer NOT NULL,
    keys bytea NOT NULL,
    CONSTRAINT found_keys_once_per_chunk PRIMARY KEY (ref, collection, columns, chunk)
);
COMMENT ON TABLE habeas.found_keys IS 'keys that discovery materialised because they lead somewhere';
COMMENT ON COLUMN habeas.found_keys.keys IS 'sealed: a page of key tuples as JSON';

CREATE TABLE habeas.found_count (
    ref text COLLATE "C" NOT NULL CONSTRAINT found_count_of_a_ref REFERENCES habeas.data_key (ref),
    collection text COLLATE "C" NOT NULL,
    rows bigint NOT NULL,
    CONSTRAINT found_count_once_per_collection PRIMARY KEY (ref, collection),
    CONSTRAINT found_count_never_negative CHECK (rows >= 0)
);

CREATE TABLE habeas.part (
    ref text COLLATE "C" NOT NULL CONSTRAINT part_of_a_ref REFERENCES habeas.data_key (ref),
    system text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    format text COLLATE "C" NOT NULL,
    blob text NOT NULL,
    rows bigint NOT NULL,
    size bigint NOT NULL,
    deflated bigint NOT NULL,
    crc32 bigint NOT NULL,
    sha256 bytea NOT NULL,
    CONSTRAINT part_committed_once PRIMARY KEY (ref, system, collection, format),
    CONSTRAINT part_sizes_never_negative CHECK (rows >= 0 AND size >= 0 AND deflated >= 0),
    CONSTRAINT part_has_its_hash CHECK (octet_length(sha256) = 32)
);
COMMENT ON TABLE habeas.part IS 'collected and sealed, one row a collection and format; sizes and hash are of the plain text';

CREATE TABLE habeas.package (
    ref text COLLATE "C" CONSTRAINT package_one_per_ref PRIMARY KEY
        CONSTRAINT package_of_a_ref REFERENCES habeas.data_key (ref),
    blob text NOT NULL,
    manifest_hash bytea NOT NULL,
    size bigint NOT NULL,
    files integer NOT NULL,
    assembled_at timestamptz NOT NULL,
    release_task text COLLATE "C" CONSTRAINT package_released_by_a_task REFERENCES habeas.task (id),
    released_at timestamptz,
    expires_at timestamptz,
    fetched_at timestamptz,
    wiped_at timestamptz,
    CONSTRAINT package_has_its_hash CHECK (octet_length(manifest_hash) = 32),
    CONSTRAINT package_release_is_whole CHECK ((release_task IS NULL) = (released_at IS NULL)
        AND (released_at IS NULL) = (expires_at IS NULL)),
    CONSTRAINT package_fetched_after_release CHECK (fetched_at IS NULL OR released_at IS NOT NULL)
);
COMMENT ON COLUMN habeas.package.release_task IS 'the signed decision it rests on, verified again at every download';

GRANT SELECT, INSERT, UPDATE ON habeas.letter TO habeas_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON habeas.found_keys TO habeas_app;
GRANT SELECT, INSERT, UPDATE ON habeas.found_count TO habeas_app;
GRANT SELECT, INSERT ON habeas.part TO habeas_app;
GRANT SELECT, INSERT, UPDATE ON habeas.package TO habeas_app;
GRANT SELECT ON habeas.letter, habeas.found_keys, habeas.found_count, habeas.part, habeas.package TO habeas_staff;
GRANT UPDATE (fetched_at) ON habeas.package TO habeas_staff;

-- +goose Down
DROP TABLE habeas.package, habeas.part, habeas.found_count, habeas.found_keys, habeas.letter;
