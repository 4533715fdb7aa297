-- +goose Up
ALTER TABLE habeas.case_file ADD COLUMN reopens text COLLATE "C" NOT NULL DEFAULT '';
COMMENT ON COLUMN habeas.case_file.reopens IS 'the case that was closed because nobody proved who they are, and that this one takes up again';
CREATE UNIQUE INDEX case_file_reopens_once ON habeas.case_file (reopens) WHERE reopens <> '';

-- +goose Down
ALTER TABLE habeas.case_file DROP COLUMN reopens;
