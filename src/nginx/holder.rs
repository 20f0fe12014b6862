//! What a request brings to prove that its token is its holder's.

use std::borrow::Cow;

use super::conf::Effective;
use super::context::Context;
use super::ffi::request::Request;
use super::replays;
use super::tokens::Token;
use crate::auth::authorization::Scheme;
use crate::auth::binding::{Holder, Presented, Use};
use crate::jose::crypto::Fingerprint;

/// Who has sent a request, in a location of which `conf` holds.
pub struct Sender<'r> {
    pub request: Request<'r>,
    pub conf: &'r Effective,
    pub context: &'r Context,
    pub token: Token<'r>,
}

impl Holder for Sender<'_> {
    fn scheme(&self) -> Option<Scheme> {
        self.token.scheme
    }

    fn certificate(&self) -> Option<Cow<'_, [u8]>> {
        let own = self.conf.settings.certificate.as_deref();
        let text = match own.and_then(|own| own.certificate.as_ref()) {
            Some(elsewhere) => elsewhere.text(self.request),
            // Where nginx has no TLS, there is no such variable.
            None => self.request.variable("ssl_client_raw_cert"),
        };
        Some(text.into())
    }

    fn proof(&self) -> Presented<'_> {
        let mut headers = self.request.header_values("DPoP");
        match (headers.next(), headers.next()) {
            (None, _) => Presented::None,
            (Some(one), None) => Presented::One(one),
            (Some(_), Some(_)) => Presented::Several,
        }
    }

    fn token(&self) -> &[u8] {
        self.token.bytes
    }

    fn method(&self) -> &[u8] {
        self.request.sent_method()
    }

    fn base(&self) -> Cow<'_, [u8]> {
        let own = self.conf.settings.proof.as_deref();
        match own.and_then(|own| own.base.as_ref()) {
            Some(base) => base.text(self.request).into(),
            None => {
                let (scheme, host) =
                    (self.request.variable("scheme"), self.request.sent_authority());
                [scheme, b"://", host].concat().into()
            }
        }
    }

    fn path(&self) -> &[u8] {
        self.request.sent_target()
    }

    fn first_use(&self, id: Fingerprint, issued: u64, reach: u64, now: u64) -> Use {
        // A redirect within nginx has the request judged once more: its own proof is no replay.
        let own = &self.context.used_proof;
        if own.get().is_some_and(|own| **own == id) {
            return Use::First;
        }
        let used = replays::first_use(self.request, id, issued, reach, now);
        if used == Use::First {
            own.get_or_init(|| Box::new(id));
        }
        used
    }
}
