-- For ngx_http_lua_module: the key is parsed once, each token is checked by OpenSSL.
local cjson = require "cjson.safe"
local digest = require "openssl.digest"
local hmac = require "openssl.hmac"
local pkey = require "openssl.pkey"

local algorithm = "@ALGORITHM@"
local file = assert(io.open("@KEY@", "rb"))
local secret = file:read("*a")
file:close()
local key = algorithm ~= "HS256" and pkey.new(secret)

local function decode(text)
    return ngx.decode_base64((text:gsub("-", "+"):gsub("_", "/")) .. ("="):rep(-#text % 4))
end

local function integer(bytes)
    bytes = bytes:gsub("^%z+", "")
    if bytes:byte(1) >= 128 then
        bytes = "\0" .. bytes
    end
    return "\2" .. string.char(#bytes) .. bytes
end

-- OpenSSL takes an ECDSA signature as a DER sequence of two integers.
local function to_der(signature)
    if #signature ~= 64 then
        return ""
    end
    local numbers = integer(signature:sub(1, 32)) .. integer(signature:sub(33))
    return "\48" .. string.char(#numbers) .. numbers
end

local function genuine(signed, signature)
    if algorithm == "HS256" then
        return hmac.new(secret, "sha256"):final(signed) == signature
    end
    if algorithm == "ES256" then
        signature = to_der(signature)
    end
    return key:verify(signature, digest.new("sha256"):update(signed))
end

local function check()
    local authorization = ngx.var.http_authorization or ""
    local signed, header, payload, signature =
        authorization:match("^Bearer (([%w_-]+)%.([%w_-]+))%.([%w_-]+)$")
    if not signed then
        return false
    end
    local told = cjson.decode(decode(header) or "")
    if type(told) ~= "table" or told.alg ~= algorithm or not genuine(signed, decode(signature) or "") then
        return false
    end
    local claims = cjson.decode(decode(payload) or "")
    return type(claims) == "table" and type(claims.exp) == "number" and claims.exp > ngx.time()
end

return function()
    if not check() then
        ngx.exit(ngx.HTTP_UNAUTHORIZED)
    end
end
