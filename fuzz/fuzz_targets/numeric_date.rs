//! `exp` and `nbf` as any text, any clock, any leeway, against whole nanoseconds; later is never
//! earlier, and more leeway never refuses more.
#![no_main]

use arbitrary::Arbitrary;
use fuzz::reference::json::object;
use fuzz::reference::times::{self, Timeliness as Expected};
use ngx_http_auth_jwt_module::auth::numeric_date::{NumericDate, Timeliness, Validity};
use ngx_http_auth_jwt_module::jose::claims::Claims;

#[derive(Arbitrary, Debug)]
struct Case<'c> {
    now: i64,
    milliseconds: u32,
    leeway: u64,
    later: u32,
    exp: Option<Number<'c>>,
    nbf: Option<Number<'c>>,
}

#[derive(Arbitrary, Debug)]
enum Number<'c> {
    /// Seconds from the bound, and a fraction.
    Near(i8, u16),
    Whole(i64),
    Double(f64),
    Decimal(i64, u32, i16),
    Text(&'c str),
}

impl Number<'_> {
    fn text(&self, bound: i128) -> String {
        match self {
            Self::Near(distance, 0) => (bound + i128::from(*distance)).to_string(),
            Self::Near(distance, fraction) => {
                format!("{}.{:03}", bound + i128::from(*distance), fraction % 1000)
            }
            Self::Whole(seconds) => seconds.to_string(),
            Self::Double(seconds) => format!("{seconds:e}"),
            Self::Decimal(whole, fraction, exponent) => format!("{whole}.{fraction}e{exponent}"),
            Self::Text(text) => (*text).to_owned(),
        }
    }
}

libfuzzer_sys::fuzz_target!(|case: Case<'_>| {
    // The shell's clock: from 1970 until the year 10000, whole milliseconds.
    let now = case.now.rem_euclid(253_402_300_800);
    let milliseconds = case.milliseconds % 1000;
    // nginx reads no longer time.
    let leeway = case.leeway >> (case.leeway % 64) & i64::MAX as u64;
    let member = |name, number: &Option<Number<'_>>, bound| {
        number.as_ref().map(|number| format!("\"{name}\":{}", number.text(bound)))
    };
    let (at, by) = (i128::from(now), i128::from(leeway));
    let members = [member("exp", &case.exp, at - by), member("nbf", &case.nbf, at + by)];
    let json = format!("{{{}}}", members.into_iter().flatten().collect::<Vec<_>>().join(","));
    let Ok(claims) = Claims::parse(json.clone().into_bytes()) else { return };
    let node = object(json.as_bytes()).expect("what the module reads");
    let expected = times::judge(&node, now * 1000 + i64::from(milliseconds), leeway);
    let Ok(validity) = Validity::of(&claims) else {
        assert_eq!(expected, Expected::Malformed, "{json}");
        return;
    };
    let found = validity.at(NumericDate::new(now, milliseconds), leeway);
    let same = match expected {
        Expected::Malformed => false,
        Expected::Expired => found == Timeliness::Expired,
        Expected::NotYetValid => found == Timeliness::NotYetValid,
        Expected::Valid => found == Timeliness::Valid,
        Expected::Close => true,
    };
    assert!(same, "{found:?}, not {expected:?}: {json} at {now}.{milliseconds:03} +{leeway}");
    let later = NumericDate::new(now + i64::from(case.later), milliseconds);
    if found == Timeliness::Expired {
        assert_eq!(validity.at(later, leeway), Timeliness::Expired, "{json}");
    }
    if found == Timeliness::Valid {
        let now = NumericDate::new(now, milliseconds);
        let more = leeway.saturating_add(u64::from(case.later));
        assert_eq!(validity.at(now, more), Timeliness::Valid, "{json}");
        assert_ne!(validity.at(later, leeway), Timeliness::NotYetValid, "{json}");
    }
});
