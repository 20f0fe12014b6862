//! A protected resource (RFC 9728): its identifier, where its metadata are, and what they say.

use serde::Serialize;

use super::binding::{Binding, Mode};
use super::url::{Url, UrlError};
use crate::jose::algorithm::SignatureAlgorithm;
use crate::jose::proof;

/// Where the metadata of a resource are, before its path (RFC 9728 §3.1).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// A protected resource, as the operator describes it.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    pub identifier: Url,
    pub name: Option<String>,
    pub documentation: Option<Url>,
    /// Those that are told; empty: those that are asked for.
    pub scopes: Vec<String>,
}

/// The metadata (RFC 9728 §2). What there is nothing to say of is left out.
#[derive(Serialize)]
struct Metadata<'m> {
    resource: &'m str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    authorization_servers: &'m [String],
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    scopes_supported: &'m [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_documentation: Option<&'m str>,
    #[serde(skip_serializing_if = "is_false")]
    tls_client_certificate_bound_access_tokens: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    dpop_signing_alg_values_supported: &'m [&'static str],
    #[serde(skip_serializing_if = "is_false")]
    dpop_bound_access_tokens_required: bool,
}

impl Resource {
    /// The resource of that identifier.
    pub fn new(identifier: &str) -> Result<Self, UrlError> {
        let identifier = identifier.parse()?;
        Ok(Self { identifier, name: None, documentation: None, scopes: Vec::new() })
    }

    /// Where its metadata are in its server.
    pub fn metadata_path(&self) -> String {
        match self.identifier.path() {
            "/" => WELL_KNOWN.to_owned(),
            path => format!("{WELL_KNOWN}{path}"),
        }
    }

    /// The URL of its metadata, for challenges.
    pub fn metadata_url(&self) -> String {
        let query = self.identifier.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{}{query}", self.identifier.origin(), self.metadata_path())
    }

    /// Its metadata in JSON: the issuers of its tokens, the scopes that are asked for, and what is `stated`
    /// of bound tokens.
    pub fn metadata(
        &self,
        authorization_servers: &[String],
        asked: &[String],
        stated: Binding,
    ) -> String {
        let algorithms: Vec<_> = match stated.proof {
            Mode::Off => Vec::new(),
            Mode::Optional | Mode::Required => {
                proof::algorithms().map(SignatureAlgorithm::name).collect()
            }
        };
        let metadata = Metadata {
            resource: self.identifier.text(),
            authorization_servers,
            bearer_methods_supported: ["header"],
            scopes_supported: if self.scopes.is_empty() { asked } else { &self.scopes },
            resource_name: self.name.as_deref(),
            resource_documentation: self.documentation.as_ref().map(Url::text),
            tls_client_certificate_bound_access_tokens: stated.certificate.is_on(),
            dpop_signing_alg_values_supported: &algorithms,
            dpop_bound_access_tokens_required: stated.proof == Mode::Required,
        };
        // Strings and booleans in a struct: there is nothing that JSON has no form for.
        serde_json::to_string(&metadata).unwrap_or_default()
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(identifier: &str) -> Resource {
        match Resource::new(identifier) {
            Ok(resource) => resource,
            Err(error) => unreachable!("{identifier}: {error}"),
        }
    }

    #[test]
    fn where_metadata_are() {
        for (identifier, path, url) in [
            ("https://a", "", "https://a"),
            ("https://a/", "", "https://a"),
            ("https://a:8443/mcp", "/mcp", "https://a:8443"),
            ("https://a/mcp/", "/mcp/", "https://a"),
            ("http://[::1]:1/a/b", "/a/b", "http://[::1]:1"),
            ("HTTPS://A/B", "/B", "https://A"),
        ] {
            let resource = resource(identifier);
            let expected = format!("/.well-known/oauth-protected-resource{path}");
            assert_eq!(resource.metadata_path(), expected, "{identifier}");
            assert_eq!(resource.metadata_url(), format!("{url}{expected}"), "{identifier}");
        }
        let query = resource("https://a/b?c=d").metadata_url();
        assert_eq!(query, "https://a/.well-known/oauth-protected-resource/b?c=d");
    }

    #[test]
    fn what_metadata_say() {
        let mut resource = resource("https://a/mcp");
        let texts =
            |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            resource.metadata(&[], &[], Binding::OFF),
            r#"{"resource":"https://a/mcp","bearer_methods_supported":["header"]}"#
        );
        assert_eq!(
            resource.metadata(&texts(&["https://i", "j"]), &texts(&["read", "w\"r"]), Binding::OFF),
            r#"{"resource":"https://a/mcp","authorization_servers":["https://i","j"],"bearer_methods_supported":["header"],"scopes_supported":["read","w\"r"]}"#
        );
        let bound = |certificate, proof| {
            let stated = Binding { certificate, proof, ..Binding::OFF };
            let metadata = resource.metadata(&[], &[], stated);
            let usual = r#"{"resource":"https://a/mcp","bearer_methods_supported":["header"]"#;
            metadata.strip_prefix(usual).unwrap_or_default().to_owned()
        };
        let algorithms = r#","dpop_signing_alg_values_supported":["RS256","RS384","RS512","PS256","PS384","PS512","ES256","ES384","ES512","EdDSA","Ed25519","Ed448"]"#;
        let certificate = r#","tls_client_certificate_bound_access_tokens":true"#;
        let required = r#","dpop_bound_access_tokens_required":true"#;
        assert_eq!(bound(Mode::Optional, Mode::Off), format!("{certificate}}}"));
        assert_eq!(bound(Mode::Required, Mode::Off), format!("{certificate}}}"));
        assert_eq!(bound(Mode::Off, Mode::Optional), format!("{algorithms}}}"));
        let all = format!("{certificate}{algorithms}{required}}}");
        assert_eq!(bound(Mode::Optional, Mode::Required), all);
        resource.name = Some("My \"API\"".to_owned());
        resource.documentation = "https://a/docs".parse().ok();
        resource.scopes = vec!["all".to_owned()];
        assert_eq!(
            resource.metadata(&texts(&["https://i"]), &texts(&["read"]), Binding::OFF),
            r#"{"resource":"https://a/mcp","authorization_servers":["https://i"],"bearer_methods_supported":["header"],"scopes_supported":["all"],"resource_name":"My \"API\"","resource_documentation":"https://a/docs"}"#
        );
    }
}
