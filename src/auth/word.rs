//! The words of `$auth_jwt_status`, by which verdicts are counted too.

macro_rules! words {
    ($($name:ident = $word:literal,)*) => {
        /// Why a request has passed or is refused, in a word.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Word { $($name,)* }

        impl Word {
            /// All of them; the first is the one of a request that passes.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$name),*];

            /// The word itself.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The word where only the dry run lets the request pass.
            pub const fn dry_run_text(self) -> &'static str {
                match self { $(Self::$name => concat!($word, "_dry_run"),)* }
            }
        }
    };
}

words! {
    Ok = "ok",
    NoToken = "no_token",
    MalformedToken = "malformed_token",
    WrongType = "wrong_type",
    UnsupportedAlgorithm = "unsupported_algorithm",
    UnknownIssuer = "unknown_issuer",
    WrongTyp = "wrong_typ",
    UnknownKey = "unknown_key",
    InvalidSignature = "invalid_signature",
    DecryptionFailed = "decryption_failed",
    Expired = "expired",
    NotYetValid = "not_yet_valid",
    WrongLifetime = "wrong_lifetime",
    ProofMissing = "proof_missing",
    WrongCertificate = "wrong_certificate",
    InvalidProof = "invalid_proof",
    WrongAudience = "wrong_audience",
    InsufficientScope = "insufficient_scope",
    ClaimMismatch = "claim_mismatch",
    RequirementFailed = "requirement_failed",
    KeysUnavailable = "keys_unavailable",
}
