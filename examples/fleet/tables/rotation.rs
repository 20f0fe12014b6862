//! The provider has a new key.

use super::{FLEET, refused, table, told};
use crate::scenarios::{self, Published, Rotation, SIGNED};
use crate::simulation::{HOUR, MINUTE, SECOND};

pub fn by_tokens() -> String {
    let of = |tokens_per_second| Rotation {
        tokens_per_second,
        published: Published::Before(0),
        under_attack: false,
    };
    let published = |published| Rotation { published, ..of(1.0) };
    let rows = [
        ("10 a second and machine", of(10.0)),
        ("1 a minute", of(1.0 / 60.0)),
        ("1 a second, amid unknown `kid`s", Rotation { under_attack: true, ..of(1.0) }),
        ("1 a second, published 20 s too late", published(Published::Behind(20 * SECOND))),
        ("1 a second, published 5 min ahead", published(Published::Before(5 * MINUTE))),
        ("1 a second, published 10 min ahead", published(Published::Before(10 * MINUTE))),
    ];
    let row = |(name, rotation): (&str, Rotation)| {
        let run = scenarios::rotation(FLEET, rotation).run();
        let after = run.newest_key_after_token().unwrap_or_default();
        let busiest = run.busiest_second(SIGNED..SIGNED.saturating_add(MINUTE));
        [
            name.to_owned(),
            told(after.get(after.len() / 2).copied()),
            told(after.last().copied()),
            refused(&run),
            busiest.to_string(),
        ]
    };
    let heads = [
        "tokens with the new key",
        "half of the machines have it after the first",
        "all",
        "refused, a machine",
        "busiest second",
    ];
    table(heads, rows.map(row).to_vec())
}

pub fn by_time() -> String {
    let row = |key_cache: u64| {
        let [plain, after_outage] = [None, Some(30 * MINUTE)].map(|outage| {
            let scenario = scenarios::quiet_rotation(FLEET, key_cache, outage);
            let published = scenario.provider.published.first().copied().unwrap_or_default();
            scenario.run().newest_key_after(published).unwrap_or_default()
        });
        [
            told(Some(key_cache)),
            told(plain.get(plain.len() / 2).copied()),
            told(plain.last().copied()),
            told(after_outage.last().copied()),
        ]
    };
    let heads = [
        "`key_cache`",
        "half of the machines have it after",
        "all",
        "all, where the provider is out for the first 30 min",
    ];
    table(heads, [MINUTE, 10 * MINUTE, HOUR].map(row).to_vec())
}
