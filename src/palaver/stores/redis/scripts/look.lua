-- Several reads of one moment. ARGV: for each the number of words, the words.
local answers = {}
local at = 1
while at <= #ARGV do
    local count = tonumber(ARGV[at])
    answers[#answers + 1] = redis.call(unpack(ARGV, at + 1, at + count))
    at = at + 1 + count
end
return answers
