-- A stretch of an index, from behind a position. KEYS: the index. ARGV: 'up' or 'down', how many, and the position: a score
-- and the place that its member begins with (none: from the end of the index). Answers members and scores in turn.
-- Members of one score are ordered by their places, which all have the same number of digits.
local up = ARGV[1] == 'up'
local first = 0
if ARGV[3] then
    local score, place = ARGV[3], tonumber(ARGV[4])
    local low = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. score)
    local high = low + redis.call('ZCOUNT', KEYS[1], score, score)
    while low < high do
        local middle = math.floor((low + high) / 2)
        local found = tonumber(string.match(redis.call('ZRANGE', KEYS[1], middle, middle)[1], '^%d+'))
        if found < place or (up and found == place) then
            low = middle + 1
        else
            high = middle
        end
    end
    first = low
end
if up then
    return redis.call('ZRANGE', KEYS[1], first, first + ARGV[2] - 1, 'WITHSCORES')
end
local count = redis.call('ZCARD', KEYS[1])
local skipped = ARGV[3] and count - first or 0
return redis.call('ZREVRANGE', KEYS[1], skipped, skipped + ARGV[2] - 1, 'WITHSCORES')
