-- +goose Up
-- A letter changes the state of its row three times. As long as no indexed column changes, PostgreSQL
-- keeps the new version in the same page and touches no index (a heap-only tuple): so the indexes ask
-- for what changes once, not for the state, and each page is half empty at first.
ALTER TABLE habeas.recipient
    ADD COLUMN due boolean NOT NULL GENERATED ALWAYS AS (state IN ('waiting', 'claimed', 'sending', 'deferred')) STORED,
    ADD COLUMN unreached boolean NOT NULL GENERATED ALWAYS AS (state IN ('refused', 'bounced', 'expired', 'unclear', 'nomail') AND step = '') STORED;
ALTER TABLE habeas.recipient SET (fillfactor = 50);
COMMENT ON COLUMN habeas.recipient.due IS 'a letter is still to be sent';
COMMENT ON COLUMN habeas.recipient.unreached IS 'nothing has told the person yet, and no e-mail will';
DROP INDEX habeas.recipient_due, habeas.recipient_unreached;
CREATE INDEX recipient_due ON habeas.recipient (ref, n) WHERE due;
CREATE INDEX recipient_unreached ON habeas.recipient (ref, n) WHERE unreached;

-- +goose Down
DROP INDEX habeas.recipient_due, habeas.recipient_unreached;
CREATE INDEX recipient_due ON habeas.recipient (ref, n) WHERE state IN ('waiting', 'claimed', 'sending', 'deferred');
CREATE INDEX recipient_unreached ON habeas.recipient (ref, n) WHERE state IN ('refused', 'bounced', 'expired', 'unclear', 'nomail') AND step = '';
ALTER TABLE habeas.recipient RESET (fillfactor);
ALTER TABLE habeas.recipient DROP COLUMN due, DROP COLUMN unreached;
