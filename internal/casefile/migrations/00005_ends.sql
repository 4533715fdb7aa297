-- +goose Up
ALTER TABLE habeas.case_file
    ADD COLUMN verify_until timestamptz,
    ADD COLUMN ending_at timestamptz;
COMMENT ON COLUMN habeas.case_file.verify_until IS 'before this nobody may close the case as unverified';
COMMENT ON COLUMN habeas.case_file.ending_at IS 'from then on the case takes no parts and no package';
CREATE INDEX package_fetched ON habeas.package (fetched_at) WHERE fetched_at IS NOT NULL;

-- +goose Down
DROP INDEX habeas.package_fetched;
ALTER TABLE habeas.case_file DROP COLUMN verify_until, DROP COLUMN ending_at;
