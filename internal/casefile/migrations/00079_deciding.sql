-- +goose Up
ALTER TABLE habeas.case_file
    ADD COLUMN about text COLLATE "C" CONSTRAINT case_file_about_a_ref REFERENCES habeas.data_key (ref),
    ADD COLUMN received_by text COLLATE "C" NOT NULL DEFAULT '',
    ADD CONSTRAINT case_file_complaint_is_about_a_case CHECK ((kind = 'complaint') = (about IS NOT NULL) AND about <> ref AND about LIKE 'case/%'),
    ADD CONSTRAINT case_file_received_by_is_a_word CHECK (received_by ~ '^[a-z0-9-]{0,40}$');
COMMENT ON COLUMN habeas.case_file.about IS 'of a complaint: the case that it is about';
COMMENT ON COLUMN habeas.case_file.received_by IS 'the affiliate that the request reached, by its name in company.yaml; empty: the company itself';
CREATE INDEX case_file_by_about ON habeas.case_file (about) WHERE about IS NOT NULL;

-- +goose Down
DROP INDEX habeas.case_file_by_about;
ALTER TABLE habeas.case_file DROP CONSTRAINT case_file_complaint_is_about_a_case, DROP CONSTRAINT case_file_received_by_is_a_word,
    DROP COLUMN about, DROP COLUMN received_by;
