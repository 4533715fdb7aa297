-- +goose Up
CREATE TABLE habeas.ledger_line (
    ref text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    event text NOT NULL,
    detail text NOT NULL,
    prev bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT ledger_line_numbered_once PRIMARY KEY (ref, seq),
    CONSTRAINT ledger_line_numbers_start_at_one CHECK (seq >= 1),
    CONSTRAINT ledger_line_event_is_a_word CHECK (event ~ '^[a-z]+(\.[a-z-]+)+$'),
    CONSTRAINT ledger_line_detail_is_an_object CHECK (jsonb_typeof(detail::jsonb) = 'object'),
    CONSTRAINT ledger_line_hashes_are_sha256 CHECK (octet_length(prev) = 32 AND octet_length(hash) = 32)
);
COMMENT ON TABLE habeas.ledger_line IS 'append-only; a chain a reference; outlives the reference; nothing personal';
COMMENT ON COLUMN habeas.ledger_line.detail IS 'canonical JSON (sorted keys), as text because its bytes are hashed';
COMMENT ON COLUMN habeas.ledger_line.prev IS 'hash of the line before; zeros on the first';
COMMENT ON COLUMN habeas.ledger_line.hash IS 'SHA-256 over ref, seq, at, event, detail and prev';

CREATE TABLE habeas.ledger_head (
    ref text COLLATE "C" CONSTRAINT ledger_head_one_per_chain PRIMARY KEY,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    mac bytea NOT NULL,
    checkpointed bigint NOT NULL DEFAULT 0,
    CONSTRAINT ledger_head_never_before_its_checkpoint CHECK (checkpointed BETWEEN 0 AND seq)
);
COMMENT ON TABLE habeas.ledger_head IS 'the last line of each chain; locked while a line is appended';
COMMENT ON COLUMN habeas.ledger_head.mac IS 'keyed hash of ref, seq and hash: a cut tail cannot be hidden without the key';
COMMENT ON COLUMN habeas.ledger_head.checkpointed IS 'the seq that the latest checkpoint covers';
CREATE INDEX ledger_head_changed ON habeas.ledger_head (ref) WHERE checkpointed < seq;

CREATE TABLE habeas.checkpoint (
    id bigint CONSTRAINT checkpoint_numbered_once PRIMARY KEY,
    at timestamptz NOT NULL,
    heads bigint NOT NULL,
    chains bigint NOT NULL,
    prev bytea NOT NULL,
    digest bytea NOT NULL,
    signature bytea NOT NULL
);
COMMENT ON TABLE habeas.checkpoint IS 'signed statement over the heads that changed since the one before; together they cover every chain';
COMMENT ON COLUMN habeas.checkpoint.chains IS 'how many chains the checkpoints up to this one cover';

CREATE TABLE habeas.checkpoint_head (
    checkpoint bigint NOT NULL,
    ref text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT checkpoint_head_once_per_chain PRIMARY KEY (checkpoint, ref)
);
-- No foreign key: its check locks the row it refers to, and nobody holds the right to lock these.
CREATE INDEX checkpoint_head_by_ref ON habeas.checkpoint_head (ref, seq);

CREATE TABLE habeas.checkpoint_tip (
    single boolean CONSTRAINT checkpoint_tip_is_one_row PRIMARY KEY DEFAULT true CHECK (single),
    id bigint NOT NULL,
    digest bytea NOT NULL,
    mac bytea NOT NULL
);
COMMENT ON TABLE habeas.checkpoint_tip IS 'the latest checkpoint, under a keyed hash, so that a cut tail is noticed';

-- +goose StatementBegin
CREATE FUNCTION habeas.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON habeas.ledger_line
    FOR EACH ROW EXECUTE FUNCTION habeas.refuse_change();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON habeas.ledger_line
    FOR EACH STATEMENT EXECUTE FUNCTION habeas.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON habeas.checkpoint
    FOR EACH ROW EXECUTE FUNCTION habeas.refuse_change();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON habeas.checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION habeas.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON habeas.checkpoint_head
    FOR EACH ROW EXECUTE FUNCTION habeas.refuse_change();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON habeas.checkpoint_head
    FOR EACH STATEMENT EXECUTE FUNCTION habeas.refuse_change();
-- ALWAYS: a session that calls itself a replica is refused as well.
ALTER TABLE habeas.ledger_line ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE habeas.ledger_line ENABLE ALWAYS TRIGGER append_only_whole;
ALTER TABLE habeas.checkpoint ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE habeas.checkpoint ENABLE ALWAYS TRIGGER append_only_whole;
ALTER TABLE habeas.checkpoint_head ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE habeas.checkpoint_head ENABLE ALWAYS TRIGGER append_only_whole;

REVOKE UPDATE, DELETE, TRUNCATE ON habeas.ledger_line, habeas.checkpoint, habeas.checkpoint_head FROM habeas_owner;
GRANT SELECT, INSERT ON habeas.ledger_line, habeas.checkpoint, habeas.checkpoint_head TO habeas_app, habeas_staff;
GRANT SELECT, INSERT, UPDATE ON habeas.ledger_head, habeas.checkpoint_tip TO habeas_app, habeas_staff;

-- +goose Down
DROP TABLE habeas.checkpoint_tip, habeas.checkpoint_head, habeas.checkpoint, habeas.ledger_head, habeas.ledger_line;
DROP FUNCTION habeas.refuse_change();
