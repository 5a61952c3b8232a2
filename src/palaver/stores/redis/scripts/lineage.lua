-- A turn and those before it on its branch, newest first: of each the kept turn, question and answer ('' for none).
-- KEYS: the turn, or the conversation at whose head to begin. ARGV: how many turns, what the key of a turn begins with, and
-- that of a message; the fields of a turn that name its parent, question and answer; that of a conversation that names its
-- head, when the key is one. What it reads beyond its key lies in the same slot.
local found = {}
local key = KEYS[1]
if ARGV[7] then
    local conversation = redis.call('GET', key)
    local head = conversation and cjson.decode(conversation)[tonumber(ARGV[7])]
    key = type(head) == 'string' and ARGV[2] .. head
end
for _ = 1, tonumber(ARGV[1]) do
    local kept = key and redis.call('GET', key)
    if not kept then
        break
    end
    local turn = cjson.decode(kept)
    found[#found + 1] = kept
    for at = 5, 6 do
        local message = turn[tonumber(ARGV[at])]
        found[#found + 1] = type(message) == 'string' and redis.call('GET', ARGV[3] .. message) or ''
    end
    local parent = turn[tonumber(ARGV[4])]
    key = type(parent) == 'string' and ARGV[2] .. parent
end
return found
