-- Moves a lease. KEYS: the hold of a turn. ARGV: fence, until when, for how long; no times: only looks.
-- Answers like append.
local hold = redis.call('HMGET', KEYS[1], 'fence', 'stop')
if hold[1] ~= ARGV[1] then
    return false
end
if ARGV[2] then
    redis.call('HSET', KEYS[1], 'until', ARGV[2], 'lease', ARGV[3])
end
return hold[2] or ''
