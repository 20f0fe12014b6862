//! Any bytes as a token: nothing panics, a split loses nothing, variables read what the check reads,
//! and without keys the reference agrees.
#![no_main]

use fuzz::module::{compare, verification};
use fuzz::reference::rules::Ruling;
use fuzz::reference::{Question, Type};
use ngx_http_auth_jwt_module::auth::judgement::{Judgement, Memory};
use ngx_http_auth_jwt_module::auth::token_cache::TokenCache;
use ngx_http_auth_jwt_module::auth::unverified::Unverified;
use ngx_http_auth_jwt_module::jose::compact::Compact;
use ngx_http_auth_jwt_module::jose::header::Headers;

libfuzzer_sys::fuzz_target!(|token: &[u8]| {
    if let Ok(compact) = Compact::split(token) {
        let segments = match compact {
            Compact::Jws(jws) => {
                assert_eq!(jws.signed, [jws.header, jws.payload].join(&b'.'));
                vec![jws.header, jws.payload, jws.signature]
            }
            Compact::Jwe(jwe) => [vec![jwe.header], jwe.others.to_vec()].concat(),
        };
        assert_eq!(segments.join(&b'.'), token);
    }
    let unverified = Unverified::decode(token);
    for token_type in [Type::Signed, Type::Encrypted, Type::Nested] {
        let question = Question {
            token,
            token_type,
            sources: None,
            now_milliseconds: 1_767_225_600_000,
            leeway: 0,
            requirement_met: true,
            ruling: Ruling::default(),
        };
        let cache: Option<&mut TokenCache> = None;
        let headers = &mut Headers::default();
        let mut memory = Memory::new(cache, headers);
        let verification = verification(&question, Some(0));
        if let Judgement::NeedsKeys(pending) =
            Judgement::begin(Some(token), verification, None, &mut memory, |_| false)
        {
            let header = unverified.header().expect("a header that was parsed");
            let kid = header.value("kid").map(|kid| kid.as_str().expect("a string"));
            assert_eq!(pending.kid(), kid);
        }
        compare(&question);
    }
});
