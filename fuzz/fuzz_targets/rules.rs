//! Issuers and rules: tokens go to locations again and again, through the cache of verified tokens and
//! past it, and each answer is the reference's, which remembers nothing.
#![no_main]

use std::num::NonZeroU64;
use std::rc::Rc;

use fuzz::module::{Source, Visit, describe, judge_by_rules, read};
use fuzz::plan::rules::{Event, Keys, Story};
use fuzz::reference::rules::Ruling;
use fuzz::reference::{Question, Type, ruled as expected};
use fuzz::ruled::{self, Rules};
use ngx_http_auth_jwt_module::auth::issuer::{Issuer, Issuers};
use ngx_http_auth_jwt_module::auth::judgement::Memory;
use ngx_http_auth_jwt_module::auth::policy::{TokenType, Verification};
use ngx_http_auth_jwt_module::auth::token_cache::TokenCache;
use ngx_http_auth_jwt_module::jose::header::Headers;

/// Keys, as the module has them: of a location, or of each of its issuers.
enum Loaded {
    Issuers(Vec<(Rc<Issuer>, Vec<Source>)>, Issuers),
    Sources(Vec<Source>),
}

impl Loaded {
    fn new(keys: &Keys, next: &mut impl FnMut() -> u64) -> Self {
        match keys {
            Keys::Documents(documents) => Self::Sources(sources(documents)),
            Keys::Issuers(issuers) => {
                let issuer = |issuer: &_| ruled::issuer(next(), issuer);
                let list: Vec<_> = issuers.iter().map(issuer).collect();
                let table = ruled::table(&list);
                let keys = issuers.iter().map(|issuer| sources(&issuer.sources));
                Self::Issuers(list.into_iter().zip(keys).collect(), table)
            }
        }
    }

    fn table(&self) -> Option<&Issuers> {
        match self {
            Self::Issuers(_, table) => Some(table),
            Self::Sources(_) => None,
        }
    }

    fn of(&self, id: Option<u64>) -> Vec<Source> {
        match (self, id) {
            (Self::Issuers(list, _), Some(id)) => {
                let own = list.iter().find(|(issuer, _)| issuer.id == id);
                own.expect("one of its issuers").1.clone()
            }
            (Self::Sources(sources), None) => sources.clone(),
            _ => panic!("keys are either the location's or an issuer's"),
        }
    }

    fn rotate(&mut self, keys: &Keys) {
        match (self, keys) {
            (Self::Issuers(list, _), Keys::Issuers(issuers)) => {
                for ((_, own), issuer) in list.iter_mut().zip(issuers) {
                    *own = sources(&issuer.sources);
                }
            }
            (Self::Sources(own), Keys::Documents(documents)) => *own = sources(documents),
            _ => {}
        }
    }
}

fn sources(documents: &[Vec<u8>]) -> Vec<Source> {
    documents.iter().map(|json| read(json)).collect()
}

libfuzzer_sys::fuzz_target!(|story: Story| {
    // As in nginx, no two lists, issuers or locations have the same number.
    let mut last = 0;
    let mut next = || {
        last += 1;
        last
    };
    let mut loaded: Vec<Loaded> =
        story.keys.iter().map(|keys| Loaded::new(keys, &mut next)).collect();
    let lists: Vec<u64> = story.keys.iter().map(|_| next()).collect();
    let rules: Vec<Option<Rules>> = story
        .locations
        .iter()
        .map(|location| {
            let with_issuers = matches!(story.keys[location.keys], Keys::Issuers(_));
            let plain = Default::default();
            let rules = location.rules.as_ref().or(with_issuers.then_some(&plain))?;
            let id = NonZeroU64::new(next()).expect("it counts from one");
            Some(Rules::new(id, rules, location.quoted))
        })
        .collect();
    let mut cache: TokenCache = TokenCache::new(1 << 20);
    let mut headers = Headers::default();
    for event in &story.events {
        let Event::Ask { token, location, now_milliseconds, variables, requirement_met } = event
        else {
            loaded.iter_mut().zip(&story.keys).for_each(|(own, keys)| own.rotate(keys));
            continue;
        };
        let (place, rules) = (&story.locations[*location], rules[*location].as_ref());
        let (issuers, documents) = match &story.keys[place.keys] {
            Keys::Issuers(issuers) => (Some(issuers.as_slice()), None),
            Keys::Documents(documents) => (None, Some(documents.as_slice())),
        };
        let question = Question {
            token: &story.tokens[*token],
            token_type: place.token_type,
            sources: documents,
            now_milliseconds: *now_milliseconds,
            leeway: place.leeway,
            ruling: Ruling { issuers, rules: place.rules.as_ref(), variables },
            requirement_met: *requirement_met,
        };
        let own = &loaded[place.keys];
        let token_type = match place.token_type {
            Type::Signed => TokenType::Signed,
            Type::Encrypted => TokenType::Encrypted,
            Type::Nested => TokenType::Nested,
        };
        let visit = Visit {
            location: Verification { token_type, sources: Some(lists[place.keys]) },
            issuers: own.table(),
            keys: &|id| own.of(id),
            rules,
            question: &question,
        };
        let cached =
            judge_by_rules(&visit, Memory::new(Some(&mut cache), &mut headers));
        let nothing: Option<&mut TokenCache> = None;
        let headers = &mut Headers::default();
        let memory = Memory::new(nothing, headers);
        let anew = judge_by_rules(&visit, memory);
        let about = || format!("{event:?} of {story:#?}\n{}", describe(&question));
        assert_eq!(cached, anew, "{}", about());
        if let Some((word, issuer)) = expected(&question) {
            assert_eq!(cached, (word.to_owned(), issuer), "{}", about());
        }
    }
});
