-- For wrk: each request has the next token of a file. Arguments: the file, and the line to begin with.
local tokens, next_token = {}, 0

function init(arguments)
    for token in io.lines(arguments[1]) do
        tokens[#tokens + 1] = "Bearer " .. token
    end
    next_token = tonumber(arguments[2])
end

function request()
    next_token = next_token % #tokens + 1
    return wrk.format("GET", nil, { Host = "bench.example", Authorization = tokens[next_token] })
end

function done(summary)
    local errors = summary.errors
    local bad = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    print(string.format("answered %d bad %d in %d", summary.requests, bad, summary.duration))
end
