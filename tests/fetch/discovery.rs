//! Where an issuer says its keys are.

use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use ngx_http_auth_jwt_module::auth::key_place::{Discovery, Remote};
use ngx_http_auth_jwt_module::auth::url::Url;
use ngx_http_auth_jwt_module::fetch::once::Order;

use super::server::{Server, Speaks, ok, response};
use super::slow::TOO_SLOW;
use super::{LONG, Outcome, assert_comes_out, set};

const OPENID: &str = "/tenant/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server/tenant";

/// An identity provider: what it answers at which path. `ISSUER` in an answer is its own URL. Each answer
/// takes it a while.
struct Provider {
    server: Server,
    issuer: String,
}

impl Provider {
    fn of(answers: Vec<(&'static str, String)>, takes: Duration) -> Outcome<Self> {
        let issuer = Arc::new(OnceLock::<String>::new());
        let own = issuer.clone();
        let server = Server::start(Speaks::Http, move |head, stream| {
            thread::sleep(takes);
            let path = head.split(' ').nth(1).unwrap_or_default();
            let answer = answers.iter().find(|(place, _)| *place == path).map(|(_, body)| &**body);
            let issuer = own.get().map(String::as_str).unwrap_or_default();
            let base = issuer.trim_end_matches("/tenant");
            let answer = answer.map(|body| body.replace("ISSUER", issuer).replace("BASE", base));
            let answer = match answer {
                Some(status) if status.parse::<u16>().is_ok() => response(&status, &[], ""),
                Some(body) => ok(&body),
                None => response("404 Not Found", &[], "there is nothing here"),
            };
            stream.write_all(answer.as_bytes())
        })?;
        let url = format!("http://{}/tenant", server.address);
        Ok(Self { server, issuer: issuer.get_or_init(|| url).clone() })
    }

    /// As a block does it that names no URL.
    fn order(&self) -> Outcome<Order> {
        let issuer: Url = self.issuer.parse().map_err(|_| "a URL")?;
        let url = issuer.openid_configuration().map_err(|_| "a URL")?;
        let fallback = Some(issuer.authorization_server().map_err(|_| "a URL")?);
        let place = Remote::Discovery(Discovery { url, fallback, issuer: self.issuer.clone() });
        Ok(Order { place, timeout: LONG, certificates: None, proxy: None })
    }

    /// Which paths were asked.
    fn asked(&self) -> Vec<String> {
        let path = |head: String| head.split(' ').nth(1).unwrap_or_default().to_owned();
        self.server.requests().into_iter().map(path).collect()
    }
}

fn document() -> String {
    r#"{"issuer":"ISSUER","jwks_uri":"BASE/keys"}"#.to_owned()
}

#[test]
fn where_keys_are_sought() -> Outcome<()> {
    let (status, a) = (|status: &str| status.to_owned(), set("a"));
    let elsewhere = r#"{"issuer":"ISSUER/","jwks_uri":"BASE/keys"}"#.to_owned();
    let insecure = r#"{"issuer":"ISSUER","jwks_uri":"http://192.0.2.1/keys"}"#.to_owned();
    let no_uri = r#"{"issuer":"ISSUER"}"#.to_owned();
    let missing = Err("the answer has status 404, not 200");
    for (name, answers, expected, asked) in [
        (
            "the first place",
            vec![(OPENID, document()), ("/keys", a.clone())],
            Ok("a"),
            vec![OPENID, "/keys"],
        ),
        (
            "both places",
            vec![(OPENID, document()), (OAUTH, elsewhere.clone()), ("/keys", a.clone())],
            Ok("a"),
            vec![OPENID, "/keys"],
        ),
        (
            "the second place",
            vec![(OAUTH, document()), ("/keys", a.clone())],
            Ok("a"),
            vec![OPENID, OAUTH, "/keys"],
        ),
        ("no place", vec![("/keys", a.clone())], missing, vec![OPENID, OAUTH]),
        (
            "500 is not 404",
            vec![(OPENID, status("500")), (OAUTH, document())],
            Err("the answer has status 500, not 200"),
            vec![OPENID],
        ),
        (
            "410 is not 404",
            vec![(OPENID, status("410")), (OAUTH, document())],
            Err("the answer has status 410, not 200"),
            vec![OPENID],
        ),
        (
            "500 in the second place",
            vec![(OAUTH, status("500"))],
            Err("the answer has status 500, not 200"),
            vec![OPENID, OAUTH],
        ),
        (
            "another issuer",
            vec![(OPENID, elsewhere.clone()), (OAUTH, document())],
            Err("the document has \"issuer\" \"http://"),
            vec![OPENID],
        ),
        (
            "another issuer in the second place",
            vec![(OAUTH, elsewhere)],
            Err("the document has \"issuer\" \"http://"),
            vec![OPENID, OAUTH],
        ),
        (
            "an insecure URL",
            vec![(OPENID, insecure)],
            Err(
                r#"the document has "jwks_uri" "http://192.0.2.1/keys", but it is neither "https:" nor "http:" to this machine"#,
            ),
            vec![OPENID],
        ),
        ("no URL", vec![(OPENID, no_uri)], Err("the document has no \"jwks_uri\""), vec![OPENID]),
        (
            "HTML",
            vec![(OPENID, status("<html>"))],
            Err("the document is not a JSON object"),
            vec![OPENID],
        ),
        ("no keys there", vec![(OPENID, document())], missing, vec![OPENID, "/keys"]),
        (
            "a document, not keys",
            vec![(OPENID, document()), ("/keys", document())],
            Err("JWK set has no \"keys\" array"),
            vec![OPENID, "/keys"],
        ),
    ] {
        let provider = Provider::of(answers, Duration::ZERO)?;
        assert_comes_out(name, &provider.order()?, expected)?;
        assert_eq!(provider.asked(), asked, "{name}");
    }
    Ok(())
}

/// Where `config_url` is configured there is no other place.
#[test]
fn a_configured_url_is_the_only_one() -> Outcome<()> {
    let provider = Provider::of(vec![(OAUTH, document()), ("/keys", set("a"))], Duration::ZERO)?;
    let mut order = provider.order()?;
    if let Remote::Discovery(discovery) = &mut order.place {
        discovery.fallback = None;
    }
    assert_comes_out("404", &order, Err("the answer has status 404, not 200"))?;
    assert_eq!(provider.asked(), [OPENID]);
    Ok(())
}

/// The time is that of both requests, or of all three.
#[test]
fn one_timeout_for_all() -> Outcome<()> {
    let takes = Duration::from_millis(600);
    for answers in [
        vec![(OPENID, document()), ("/keys", set("a"))],
        vec![(OAUTH, document()), ("/keys", set("a"))],
    ] {
        let provider = Provider::of(answers, takes)?;
        let mut order = provider.order()?;
        order.timeout = Duration::from_secs(1);
        assert_comes_out("together", &order, TOO_SLOW)?;
    }
    Ok(())
}

/// What fails is told with the URL where it failed.
#[test]
fn which_url_is_told() -> Outcome<()> {
    for (answers, path) in [
        (vec![], OPENID),
        (vec![(OAUTH, "500".to_owned())], OAUTH),
        (vec![(OAUTH, "{}".to_owned())], OAUTH),
        (vec![(OPENID, document())], "/keys"),
    ] {
        let provider = Provider::of(answers, Duration::ZERO)?;
        let failed = ngx_http_auth_jwt_module::fetch::once::fetch(&provider.order()?).err();
        let url = failed.map(|failed| failed.url).unwrap_or_default();
        assert_eq!(url, format!("http://{}{path}", provider.server.address));
    }
    Ok(())
}
