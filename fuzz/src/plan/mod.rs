//! Cases that are mostly right: a token signed or encrypted with a known key, a key set that has
//! it, a clock near the token's times, and a few things that are not as they should be.

mod holder;
mod keys;
pub mod rules;
mod token;

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::reference::rules::Ruling;
use crate::reference::{Question, Type};

/// One request, and where it is made.
#[derive(Clone, Debug)]
pub struct Case {
    pub token: Vec<u8>,
    pub token_type: Type,
    pub sources: Option<Vec<Vec<u8>>>,
    pub now_milliseconds: i64,
    pub leeway: u64,
    pub requirement_met: bool,
}

impl Case {
    pub fn question(&self) -> Question<'_> {
        Question {
            token: &self.token,
            token_type: self.token_type,
            sources: self.sources.as_deref(),
            now_milliseconds: self.now_milliseconds,
            leeway: self.leeway,
            requirement_met: self.requirement_met,
            ruling: Ruling::default(),
        }
    }
}

impl<'a> Arbitrary<'a> for Case {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut dice = Dice(u);
        let types = [Type::Signed, Type::Signed, Type::Nested, Type::Encrypted];
        let token_type = dice.one_of(&types)?;
        let leeway = dice.one_of(&[0, 0, 1, 60, 3600, 1 << 40, i64::MAX as u64])?;
        let seconds: i64 = dice.one_of(&[1_767_225_600, 1_767_225_600, 100, 0, 4_102_444_800])?;
        let milliseconds = dice.one_of(&[0, 0, 1, 500, 999])?;
        let plan = token::Plan::draw(&mut dice, token_type)?;
        let token = plan.token(&mut dice, seconds, leeway)?;
        let sources = keys::sources(&mut dice, &plan)?;
        let judged_as = if dice.rarely(12)? { dice.one_of(&types)? } else { token_type };
        Ok(Self {
            token,
            token_type: judged_as,
            sources,
            now_milliseconds: seconds * 1000 + milliseconds,
            leeway,
            requirement_met: !dice.rarely(16)?,
        })
    }
}

/// Choices drawn from the fuzzer's bytes. Where they have run out, each is its first, plainest one.
pub struct Dice<'d, 'a>(pub &'d mut Unstructured<'a>);

impl Dice<'_, '_> {
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> Result<T> {
        self.0.choose(choices).copied()
    }

    pub fn up_to(&mut self, most: usize) -> Result<usize> {
        self.0.int_in_range(0..=most)
    }

    /// Once in `times`.
    pub fn rarely(&mut self, times: usize) -> Result<bool> {
        Ok(self.up_to(times - 1)? == times - 1)
    }

    /// A few bytes of any kind.
    pub fn bytes(&mut self, most: usize) -> Result<Vec<u8>> {
        let length = self.up_to(most)?.min(self.0.len());
        Ok(self.0.bytes(length)?.to_vec())
    }
}
