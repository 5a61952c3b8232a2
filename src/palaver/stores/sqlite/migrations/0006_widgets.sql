-- min_compatible: 3
-- Whether a bot talks on other people's pages, and how, as JSON. NULL: it does not.
ALTER TABLE bots ADD COLUMN widget TEXT;
