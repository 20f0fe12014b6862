-- Tokens for wrk: SOAK_RESULT=RESULT wrk -s mixed.lua URL -- FILE SHARES
--
-- FILE has a token a line, good ones. SHARES is, of a hundred requests, how many bring one of ten of them
-- (hot), how many the next of all of them, each twice in a row, and how many a bad one; the rest bring none. What was sent
-- and what came back is counted; RESULT gets the sums.
local threads = {}

function setup(thread)
    thread:set("number", #threads)
    table.insert(threads, thread)
end

local tokens, hot, each, wrong

function init(args)
    local shares = {}
    for share in args[2]:gmatch("%d+") do
        shares[#shares + 1] = tonumber(share)
    end
    hot, each, wrong = shares[1], shares[1] + shares[2], shares[1] + shares[2] + shares[3]
    tokens = {}
    for line in io.lines(args[1]) do
        tokens[#tokens + 1] = line
    end
    math.randomseed(os.time() + number)
    at = math.random(2 * #tokens)
    passes, fails, passed, refused, others = 0, 0, 0, 0, 0
end

-- What may be wrong with a good token.
local function spoilt(token, kind)
    if kind == 1 then
        return token:sub(1, -9) .. "AAAAAAAA"
    elseif kind == 2 then
        return token:sub(1, math.random(#token - 1))
    elseif kind == 3 then
        return "eyJhbGciOiJub25lIn0" .. token:match("%.[^.]*%.")
    end
    return token .. "." .. token
end

function request()
    local share = math.random(100)
    if share <= wrong then
        local token
        if share <= hot then
            token = tokens[math.random(10)]
        else
            -- The cache keeps what comes for the second time.
            at = at % (2 * #tokens) + 1
            token = tokens[math.ceil(at / 2)]
        end
        if share > each then
            token = spoilt(token, math.random(4))
            fails = fails + 1
        else
            passes = passes + 1
        end
        wrk.headers["Authorization"] = "Bearer " .. token
    else
        wrk.headers["Authorization"] = nil
        fails = fails + 1
    end
    return wrk.format()
end

function response(status)
    if status == 200 then
        passed = passed + 1
    elseif status == 401 then
        refused = refused + 1
    else
        others = others + 1
    end
end

function done(summary, latency)
    local sums = {}
    for _, name in ipairs({"passes", "fails", "passed", "refused", "others"}) do
        sums[name] = 0
        for _, thread in ipairs(threads) do
            sums[name] = sums[name] + (thread:get(name) or 0)
        end
    end
    local errors = summary.errors
    local file = io.open(os.getenv("SOAK_RESULT"), "w")
    for name, sum in pairs(sums) do
        file:write(name, " ", sum, "\n")
    end
    file:write("requests ", summary.requests, "\n")
    file:write("duration ", summary.duration, "\n")
    file:write("broken ", errors.connect + errors.read + errors.write + errors.timeout, "\n")
    file:write("p50 ", latency:percentile(50), "\n", "p99 ", latency:percentile(99), "\n")
    file:close()
end
