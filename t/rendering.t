# What $jwt_claim_NAME, $jwt_header_NAME and $jwt_payload look like.
use Test::Nginx::Socket 'no_plan';
use JWT::Nginx;

# A header line with a token whose payload is {"v": and this JSON and }.
sub v { return JWT::bearer(qq({"v":$_[0]})) }

# A case: the claim v of this JSON is rendered as this text.
sub rendered {
    my ($json, $text) = @_;
    return ['GET /', v($json), 200, undef, undef, "<$text>"];
}

run_tests();

__DATA__

=== TEST 1: a string is its decoded text
--- config
    location / { return 200 "<$jwt_claim_v>"; }
--- cases eval
[
    main::rendered('"alice"' => 'alice'),
    main::rendered('""' => ''),
    main::rendered('"a b"' => 'a b'),
    main::rendered('"q\\"\\\\\\/"' => 'q"\\/'),
    main::rendered('"\\u00e9\\u20ac"' => "\xC3\xA9\xE2\x82\xAC"),
    main::rendered('"\\ud83d\\ude00"' => "\xF0\x9F\x98\x80"),
    main::rendered("\"\xC3\xA9\"" => "\xC3\xA9"),
]


=== TEST 2: an integer is its digits, however many
--- config
    location / { return 200 "<$jwt_claim_v>"; }
--- cases eval
[map { main::rendered($_ => $_) } qw(0 17 -1 1700000000 9007199254740993 123456789012345678901234567890)]


=== TEST 3: other numbers are as written in the token
--- config
    location / { return 200 "<$jwt_claim_v>"; }
--- cases eval
[map { main::rendered($_ => $_) } qw(1.50 -0.5 1e3 1E+2 2.0 -0)]


=== TEST 4: true and false are words, null is empty
--- config
    location / { return 200 "<$jwt_claim_v>"; }
--- cases eval
[
    main::rendered(true => 'true'),
    main::rendered(false => 'false'),
    main::rendered(null => ''),
]


=== TEST 5: an array is its elements joined by a comma
--- config
    location / { return 200 "<$jwt_claim_v>"; }
--- cases eval
[
    main::rendered('["a","b","c"]' => 'a,b,c'),
    main::rendered('["one"]' => 'one'),
    main::rendered('[]' => ''),
    main::rendered('[1, 2.50 , true,false, null,"x"]' => '1,2.50,true,false,,x'),
    main::rendered('["a,b","c"]' => 'a,b,c'),
    main::rendered('[ "" ]' => ''),
    main::rendered('["",""]' => ','),
]


=== TEST 6: an element that is an array or an object is compact JSON
--- config
    location / { return 200 "<$jwt_claim_v>"; }
--- cases eval
[
    main::rendered('[["a", 1], {"b" : [ 2 ]}, "c"]' => '["a",1],{"b":[2]},c'),
    main::rendered('[ [ ] , { } ]' => '[],{}'),
]


=== TEST 7: an object is compact JSON, its strings untouched
--- config
    location / { return 200 "<$jwt_claim_v>"; }
--- cases eval
[
    main::rendered('{ "b" : [ 1 , "x \\" y" ] ,' . "\n\t" . '"a" : { } }' => '{"b":[1,"x \\" y"],"a":{}}'),
    main::rendered('{}' => '{}'),
    main::rendered('{"city":"Wien","zip":1010}' => '{"city":"Wien","zip":1010}'),
]


=== TEST 8: a missing claim is empty
--- config
    location / { return 200 "<$jwt_claim_v><$jwt_claim_other><$jwt_header_other>"; }
--- more_headers eval: main::v('1')
--- response_body: <1><><>


=== TEST 9: CR, LF and NUL become a space, everything else is passed as it is
--- config
    location / { return 200 "<$jwt_claim_v>"; }
--- cases eval
[
    main::rendered('"a\\r\\nb"' => 'a  b'),
    main::rendered('"a\\u0000b\\u000ac"' => 'a b c'),
    main::rendered('["a\\n","b"]' => 'a ,b'),
    main::rendered('"t\\tb\\u0001\\u001f\\u007f;\\",<>"' => "t\tb\x01\x1F\x7F;\",<>"),
]


=== TEST 10: a claim cannot split a header, towards the client or the upstream
--- config
    location / {
        add_header X-Claim "$jwt_claim_v";
        proxy_set_header X-Sub $jwt_claim_v;
        proxy_pass http://mock;
    }
--- more_headers eval: main::v('"a\\r\\nX-A: forged\\r\\n\\r\\nb"')
--- response_headers
X-Claim: a  X-A: forged    b
! X-A
--- response_body_like: sub=a  X-A: forged    b a= 


=== TEST 11: a claim cannot split a line of the access log
--- http_config
    log_format claim escape=none 'claim=$jwt_claim_v.';
--- config
    location / {
        access_log $TEST_NGINX_ACCESS_LOG claim;
        proxy_pass http://mock;
    }
--- more_headers eval: main::v('"a\\nforged"')
--- access_log eval
[qr/^claim=a forged\.$/]
--- no_access_log eval
[qr/^forged/]


=== TEST 12: object members with CR or LF stay escaped in compact JSON
--- config
    location / { return 200 "<$jwt_claim_v>"; }
--- more_headers eval: main::v('{"a":"b\\r\\nc"}')
--- response_body: <{"a":"b\r\nc"}>


=== TEST 13: claims of tens of kilobytes and arrays of thousands of groups
--- http_config
    large_client_header_buffers 4 256k;
--- config
    location / {
        auth_jwt "r";
        auth_jwt_key_file $TEST_NGINX_KEYS/good.jwks;
        try_files /none @told;
    }
    location @told { return 200 "$jwt_claim_v"; }
--- cases eval
[
    ["GET /", main::v('"' . 'x' x 60000 . '"'), 200, undef, undef, 'x' x 60000],
    ["GET /", main::v('[' . CORE::join(',', map {"\"group-$_\""} 1 .. 5000) . ']'), 200,
        undef, undef, CORE::join(',', map {"group-$_"} 1 .. 5000)],
]


=== TEST 14: $jwt_header_NAME: members of the JOSE header, rendered alike
--- config
    location / { return 200 "<$jwt_header_alg><$jwt_header_kid><$jwt_header_typ><$jwt_header_x><$jwt_header_n><$jwt_header_list>"; }
--- more_headers eval: JWT::bearer({}, kid => "k \x{e9}", header => {x => {a => 1}, n => 7, list => ['a', 'b']})
--- response_body eval: "<HS256><k \xC3\xA9><JWT><{\"a\":1}><7><a,b>"


=== TEST 15: $jwt_payload of a signed token is the claims' JSON, as it is in the token, but for CR and LF
--- config
    location / { return 200 "<$jwt_payload>"; }
--- cases eval
[
    ["GET /", JWT::bearer('{"b": 1,  "a":"\\u00e9"}'), 200, undef, undef, '<{"b": 1,  "a":"\\u00e9"}>'],
    ["GET /", JWT::bearer("{\n\"a\":1}"), 200, undef, undef, '<{ "a":1}>'],
    ["GET /", JWT::bearer("{\r\"a\":1}"), 200, undef, undef, '<{ "a":1}>'],
    ["GET /", undef, 200, undef, undef, '<>'],
]


=== TEST 16: names: exact match first, then case-insensitive
--- config
    location / { return 200 "<$jwt_claim_sub><$jwt_claim_emailverified><$jwt_header_kid>"; }
--- cases eval
[
    ["GET /", JWT::bearer('{"SUB":"upper","sub":"lower","emailVerified":true}'), 200,
        undef, undef, "<lower><true><>"],
    ["GET /", JWT::bearer('{"sub":"lower","SUB":"upper","EMAILVERIFIED":false}'), 200,
        undef, undef, "<lower><false><>"],
    ["GET /", JWT::bearer('{"Sub":"title"}', header_bytes => '{"alg":"HS256","KID":"shout"}'), 200,
        undef, undef, "<title><><shout>"],
]


=== TEST 17: the name of a variable may be written in any case, nginx lower-cases it
--- config
    location / { return 200 "<$JWT_CLAIM_SUB><$jwt_claim_Sub><$Jwt_Header_Alg>"; }
--- more_headers eval: JWT::bearer({sub => 'alice'})
--- response_body: <alice><alice><HS256>


=== TEST 18: names with digits and underscores, and braces around them
--- config
    location / { return 200 "<${jwt_claim_a_1}b><$jwt_claim_2fa><$jwt_claim__x><$jwt_claim_sub_id>"; }
--- more_headers eval: JWT::bearer({a_1 => 'a', '2fa' => 'b', _x => 'c', sub_id => 'd', sub => 'no'})
--- response_body: <ab><b><c><d>


=== TEST 19: top-level members only
--- config
    location / { return 200 "<$jwt_claim_inner><$jwt_claim_outer_inner>"; }
--- more_headers eval: JWT::bearer({outer => {inner => 'x'}})
--- response_body: <><>


=== TEST 20: in a map, an if and an add_header a value is the same as elsewhere
--- http_config
    map $jwt_claim_v $seen {
        "a,b"   list;
        "true"  boolean;
        ""      nothing;
        default other;
    }
--- config
    location / {
        if ($jwt_claim_v = "a,b") { return 201 "list"; }
        return 200 "$seen";
    }
--- cases eval
[
    ["GET /", main::v('["a","b"]'), 201, undef, undef, "list"],
    ["GET /", main::v('true'), 200, undef, undef, "boolean"],
    ["GET /", main::v('null'), 200, undef, undef, "nothing"],
    ["GET /", main::v('"x"'), 200, undef, undef, "other"],
]
