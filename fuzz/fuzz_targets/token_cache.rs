//! Requests, key rotations and clocks in any order, once through the cache of verified tokens and
//! once without it: the answers are the same.
#![no_main]

use std::hash::{BuildHasherDefault, Hasher};

use arbitrary::{Arbitrary, Result, Unstructured};
use fuzz::module::{Source, describe, judge, read};
use fuzz::plan::{Case, Dice};
use fuzz::reference::Question;
use fuzz::reference::rules::Ruling;
use ngx_http_auth_jwt_module::auth::judgement::Memory;
use ngx_http_auth_jwt_module::auth::outcome::Verdict;
use ngx_http_auth_jwt_module::auth::token_cache::TokenCache;
use ngx_http_auth_jwt_module::jose::header::Headers;

/// A location: its key sources have a number, and what they give changes by and by.
type Location = Option<Vec<Source>>;

#[derive(Debug)]
struct Story {
    cases: Vec<Case>,
    steps: Vec<Step>,
    /// In bytes; a small one is full at once.
    size: usize,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    /// The token of one case to the location, at the type and leeway of others.
    Ask { token: u8, location: u8, policy: u8, clock: u8 },
    /// The sources of a location give what those of a case give, read anew.
    Rotate { location: u8, sources: u8 },
    /// The same key sets in another order.
    Swap { location: u8 },
}

impl<'a> Arbitrary<'a> for Story {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let count = Dice(u).up_to(2)? + 1;
        let cases = (0..count).map(|_| Case::arbitrary(u)).collect::<Result<_>>()?;
        let size = Dice(u).one_of(&[1 << 20, 64 << 10, 4 << 10])?;
        Ok(Self { cases, size, steps: Vec::arbitrary(u)? })
    }
}

/// All entries fall into one place, so that only their comparison tells them apart.
#[derive(Clone, Default)]
struct Constant;

impl Hasher for Constant {
    fn finish(&self) -> u64 {
        7
    }

    fn write(&mut self, _: &[u8]) {}
}

type Cache = TokenCache<BuildHasherDefault<Constant>>;

libfuzzer_sys::fuzz_target!(|story: Story| {
    let pick = |number: u8| &story.cases[usize::from(number) % story.cases.len()];
    let load = |case: &Case| {
        let sources = case.sources.as_ref();
        sources.map(|documents| documents.iter().map(|json| read(json)).collect::<Vec<_>>())
    };
    let mut locations: Vec<Location> = story.cases.iter().map(load).collect();
    let mut cache = Cache::with_hasher(story.size, BuildHasherDefault::default());
    for step in story.steps.iter().take(24) {
        match *step {
            Step::Ask { token, location, policy, clock } => {
                let number = usize::from(location) % locations.len();
                let question = Question {
                    token: &pick(token).token,
                    token_type: pick(policy).token_type,
                    now_milliseconds: pick(clock).now_milliseconds,
                    leeway: pick(policy).leeway,
                    requirement_met: pick(clock).requirement_met,
                    ruling: Ruling::default(),
                    sources: None,
                };
                let location = &locations[number];
                let cached = through(&mut cache, number as u64 + 1, &question, location);
                let plain = without(&question, location);
                assert_eq!(cached, plain, "{step:?} of {story:#?}\n{}", describe(&question));
                assert!(cache.size() <= story.size as u64);
            }
            // A location has key sources or none for as long as it lives.
            Step::Rotate { location, sources } => {
                let number = usize::from(location) % locations.len();
                if let (Some(old), Some(new)) = (&mut locations[number], load(pick(sources))) {
                    *old = new;
                }
            }
            Step::Swap { location } => {
                let number = usize::from(location) % locations.len();
                if let Some(sources) = &mut locations[number] {
                    sources.reverse();
                }
            }
        }
    }
});

fn through(
    cache: &mut Cache,
    sources: u64,
    asked: &Question<'_>,
    location: &Location,
) -> &'static str {
    let headers = &mut Headers::default();
    let memory = Memory::new(Some(cache), headers);
    Verdict::from(judge(asked, location.clone().map(|list| (sources, list)), memory)).word()
}

fn without(asked: &Question<'_>, location: &Location) -> &'static str {
    let cache: Option<&mut Cache> = None;
    let headers = &mut Headers::default();
    let memory = Memory::new(cache, headers);
    Verdict::from(judge(asked, location.clone().map(|list| (0, list)), memory)).word()
}
