-- min_compatible: 3
-- What finds pairs that are alike becomes a table: it is written once a run, in its order, and no more with each chunk.

DROP INDEX chunks_alike_0;
DROP INDEX chunks_alike_4;
DROP INDEX chunks_alike_8;
DROP INDEX chunks_alike_12;

-- The quarters of the fingerprints of a bot's pairs: where a quarter stands and its 16 bits, and the whole fingerprint.
CREATE TABLE quarters (
    bot_n       INTEGER NOT NULL,
    quarter     INTEGER NOT NULL,
    chunk_n     INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    PRIMARY KEY (bot_n, quarter, chunk_n)
) WITHOUT ROWID;

-- Those of the pairs that are there: 16 digits are read into a number, one after the other.
WITH RECURSIVE reading (n, digits, place, number) AS (
    SELECT n, fingerprint, 0, 0 FROM chunks WHERE fingerprint IS NOT NULL
    UNION ALL
    SELECT n, digits, place + 1, number << 4 | (instr('0123456789abcdef', substr(digits, place + 1, 1)) - 1)
    FROM reading WHERE place < 16
)
INSERT INTO quarters (bot_n, quarter, chunk_n, fingerprint)
SELECT n >> 32, p.place << 16 | (number >> (48 - 4 * p.place) & 65535), n, number
FROM reading r CROSS JOIN (SELECT 0 AS place UNION ALL SELECT 4 UNION ALL SELECT 8 UNION ALL SELECT 12) p
WHERE r.place = 16 ORDER BY 1, 2, 3;
