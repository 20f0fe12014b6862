//! What each claim of a proof may say.

use super::*;

#[test]
fn each_claim_of_a_proof() {
    use ProofFault::*;
    let long = format!("\"{}\"", "a".repeat(100_000));
    for (name, value, expected) in [
        ("jti", "", Some(Claim("jti"))),
        ("jti", "\"\"", Some(Claim("jti"))),
        ("jti", "1", Some(Claim("jti"))),
        ("jti", "null", Some(Claim("jti"))),
        ("jti", &long, None),
        ("htm", "", Some(Claim("htm"))),
        ("htm", r#"["GET"]"#, Some(Claim("htm"))),
        ("htm", r#""get""#, Some(Method)),
        ("htm", r#""POST""#, Some(Method)),
        ("htm", r#""GET ""#, Some(Method)),
        ("htm", "\"\"", Some(Method)),
        ("htu", "", Some(Claim("htu"))),
        ("htu", "1", Some(Claim("htu"))),
        ("htu", "\"\"", Some(Claim("htu"))),
        ("htu", r#""/orders""#, Some(Claim("htu"))),
        ("htu", r#""https://user@api.example.com/orders""#, Some(Claim("htu"))),
        ("htu", r#""https://api.example.com/orders\u0000""#, Some(Claim("htu"))),
        ("htu", r#""https://api.example.com/order""#, Some(Target)),
        ("htu", r#""https://api.example.com/orders/""#, Some(Target)),
        ("htu", r#""https://api.example.com/Orders""#, Some(Target)),
        ("htu", r#""https://api.example.com%2Forders""#, Some(Claim("htu"))),
        ("htu", r#""http://api.example.com/orders""#, Some(Target)),
        ("htu", r#""https://api.example.com:8443/orders""#, Some(Target)),
        ("htu", r#""https://api.example.com.evil.example/orders""#, Some(Target)),
        ("htu", r#""HTTPS://API.example.com:443/%6frders?page=3#x""#, None),
        ("iat", "", Some(Claim("iat"))),
        ("iat", r#""1767225600""#, Some(Claim("iat"))),
        ("iat", "null", Some(Claim("iat"))),
        ("iat", "1e999", Some(Claim("iat"))),
        ("ath", "", Some(Claim("ath"))),
        ("ath", "1", Some(Claim("ath"))),
        ("ath", r#""fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo""#, Some(Token)),
        ("ath", r#""header.payload.signature""#, Some(Token)),
        ("exp", "1767225601", None),
        ("exp", "1767225600", Some(Expired)),
        ("exp", r#""1767225601""#, Some(Time(Malformed::NumericDate("exp")))),
        ("nbf", "1767225600", None),
        ("nbf", "1767225600.5", Some(NotYetValid)),
        ("nbf", "null", Some(Time(Malformed::NumericDate("nbf")))),
        ("nonce", r#""a""#, None),
    ] {
        let proof = minter().proof(&claims(&[(name, value)]));
        let request = Request::new(Presented::One(&proof));
        let found = judged(&request, 0).err();
        assert_eq!(found, expected.map(BindingFault::Proof), "{name} {value}");
        assert_eq!(request.records.take().len(), usize::from(expected.is_none()), "{name} {value}");
    }
}
