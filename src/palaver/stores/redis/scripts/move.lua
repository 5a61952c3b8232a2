-- One atomic step: looks whether everything is as it was when the step was decided, and only then writes.
-- ARGV: how many looks; each look: the answer that is expected, the number of words, the words;
-- then the writes: the number of words, the words.
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
    redis.call(unpack(ARGV, at + 1, at + count))
    at = at + 1 + count
end
return 1
