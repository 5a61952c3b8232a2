-- One tick of a turn. KEYS: its hold, its log. ARGV: fence, time, then seq, type and data of each event.
-- Events that are there already are passed over: the tick came twice. Answers false when the turn is not (or no longer) the
-- writer's, else the reason for which it was asked to stop, or ''.
local hold = redis.call('HMGET', KEYS[1], 'fence', 'stop')
if hold[1] ~= ARGV[1] then
    return false
end
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local written = newest and tonumber(string.match(newest[1], '^%d+')) or 0
for at = 3, #ARGV, 3 do
    if tonumber(ARGV[at]) > written then
        redis.call('XADD', KEYS[2], ARGV[at] .. '-0', 't', ARGV[at + 1], 'd', ARGV[at + 2], 'a', ARGV[2])
    end
end
return hold[2] or ''
