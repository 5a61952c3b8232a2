-- A turn and those before it on its branch, newest first: of each the ids of the turn, its question and its answer, then how
-- these are kept ('' for none). KEYS: the turn, or the conversation at whose head to begin. ARGV: how many turns, what the
-- key of a turn begins with, and that of a message; the fields of a turn that name its parent, itself, its question and its
-- answer; that of a conversation that names its head, when the key is one. What it reads beyond its key lies in the same slot.
local found = {}
local key = KEYS[1]
if ARGV[8] then
    local conversation = redis.call('GET', key)
    local head = conversation and cjson.decode(conversation)[tonumber(ARGV[8])]
    key = type(head) == 'string' and ARGV[2] .. head
end
local parent, id, question, answer = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local function message(of)
    return of ~= '' and redis.call('GET', ARGV[3] .. of) or ''
end
for _ = 1, tonumber(ARGV[1]) do
    local kept = key and redis.call('GET', key)
    if not kept then
        break
    end
    local turn = cjson.decode(kept)
    local asked = type(turn[question]) == 'string' and turn[question] or ''
    local said = type(turn[answer]) == 'string' and turn[answer] or ''
    for _, each in ipairs({turn[id], asked, said, kept, message(asked), message(said)}) do
        found[#found + 1] = each
    end
    key = type(turn[parent]) == 'string' and ARGV[2] .. turn[parent]
end
return found
