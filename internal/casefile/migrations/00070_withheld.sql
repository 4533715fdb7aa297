-- +goose Up
ALTER TABLE habeas.motion ADD COLUMN items text[] COLLATE "C" NOT NULL DEFAULT '{}',
    ADD CONSTRAINT motion_items_are_of_a_refusal CHECK (items = '{}' OR kind = 'refuse');
COMMENT ON COLUMN habeas.motion.items IS 'collections that a refusal is about; none for the whole case';

-- +goose Down
ALTER TABLE habeas.motion DROP CONSTRAINT motion_items_are_of_a_refusal, DROP COLUMN items;
