-- One atomic step: looks whether everything is as it was when the step was decided, and only then writes.
-- ARGV: how many looks; each look: the answer that is expected, the number of words, the words;
-- then the writes: the number of words, the words. A write is a command, or ANNOUNCE or ADD with what these take.

-- A document has changed in the index of its bot. Takes the state of the index, the list of its changes in the same slot, the
-- document, and the embedding that serves from now on where none was chosen ('' for none).
local function announce(state, changes, document, embedding)
    redis.call('ZADD', changes, redis.call('HINCRBY', state, 'revision', 1), document)
    if embedding ~= '' then
        redis.call('HSETNX', state, 'embedding', embedding)
    end
end

-- Adds to a number in a hash; one that is 0 then goes.
local function add(key, name, number)
    if redis.call('HINCRBY', key, name, number) == 0 then
        redis.call('HDEL', key, name)
    end
end

local at = 2
for _ = 1, tonumber(ARGV[1]) do
    local count = tonumber(ARGV[at + 1])
    local answer = redis.call(unpack(ARGV, at + 2, at + 1 + count))
    if tostring(answer or '') ~= ARGV[at] then
        return 0
    end
    at = at + 2 + count
end
while at <= #ARGV do
    local count = tonumber(ARGV[at])
    if ARGV[at + 1] == 'ANNOUNCE' then
        announce(unpack(ARGV, at + 2, at + count))
    elseif ARGV[at + 1] == 'ADD' then
        add(unpack(ARGV, at + 2, at + count))
    else
        redis.call(unpack(ARGV, at + 1, at + count))
    end
    at = at + 1 + count
end
return 1
