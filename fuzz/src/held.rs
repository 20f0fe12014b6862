//! The module's own decision whether a token is its holder's.

use std::borrow::Cow;
use std::cell::Cell;

use ngx_http_auth_jwt_module::auth::authorization::Scheme;
use ngx_http_auth_jwt_module::auth::binding::{Binding, Holder, Mode, Presented, Use};
use ngx_http_auth_jwt_module::auth::judgement::verify;
use ngx_http_auth_jwt_module::auth::numeric_date::NumericDate;
use ngx_http_auth_jwt_module::auth::outcome::Verdict;
use ngx_http_auth_jwt_module::auth::policy::{Acceptance, TokenType};
use ngx_http_auth_jwt_module::jose::crypto::Fingerprint;

use crate::reference::holder::{self, Request};

/// What a request brings, and until when its proof was recorded, if it was.
struct Bringing<'r> {
    request: &'r Request,
    recorded: Cell<Option<u64>>,
}

impl Holder for Bringing<'_> {
    fn scheme(&self) -> Option<Scheme> {
        match self.request.scheme? {
            "DPoP" => Some(Scheme::Dpop),
            _ => Some(Scheme::Bearer),
        }
    }

    fn certificate(&self) -> Option<Cow<'_, [u8]>> {
        self.request.certificate.as_deref().map(Cow::Borrowed)
    }

    fn proof(&self) -> Presented<'_> {
        match &self.request.proofs[..] {
            [] => Presented::None,
            [proof] => Presented::One(proof),
            _ => Presented::Several,
        }
    }

    fn token(&self) -> &[u8] {
        &self.request.token
    }

    fn method(&self) -> &[u8] {
        self.request.method.as_bytes()
    }

    fn base(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.request.base)
    }

    fn path(&self) -> &[u8] {
        &self.request.path
    }

    fn first_use(&self, _: Fingerprint, issued: u64, reach: u64, now: u64) -> Use {
        assert_eq!(now, self.request.now_milliseconds as u64 / 1000);
        let until = issued.saturating_add(reach);
        assert!(until >= now, "a proof that counts no more is recorded");
        assert_eq!(self.recorded.replace(Some(until)), None, "recorded twice");
        if self.request.is_first { Use::First } else { Use::Seen }
    }
}

/// Asks both, and panics where they differ.
pub fn compare(request: &Request) {
    let verified = verify(&request.token, TokenType::Signed, None).expect("a token");
    let binding = Binding {
        certificate: mode(request.certificate_mode),
        proof: mode(request.proof_mode),
        window: request.window,
    };
    let holder = Bringing { request, recorded: Cell::new(None) };
    let now = request.now_milliseconds;
    let now = NumericDate::new(now.div_euclid(1000), now.rem_euclid(1000) as u32);
    let acceptance = Acceptance::<()> { leeway: request.leeway, rules: None, binding };
    let found = verified.accept(acceptance, now, |()| b"", &holder, || Ok(()));
    let reason = found.as_ref().err().map(ToString::to_string).unwrap_or_default();
    let word = Verdict::from(found).word();
    if let Some(expected) = holder::word(request) {
        assert!(word == expected, "{word} ({reason}), not {expected}: {request:#?}");
    }
    // What has not passed all other checks leaves nothing behind, and only proofs do.
    let is_recorded = holder.recorded.get().is_some();
    assert!(!is_recorded || word == "ok" || !request.is_first, "{reason}: {request:#?}");
}

fn mode(mode: holder::Mode) -> Mode {
    match mode {
        holder::Mode::Off => Mode::Off,
        holder::Mode::Optional => Mode::Optional,
        holder::Mode::Required => Mode::Required,
    }
}
