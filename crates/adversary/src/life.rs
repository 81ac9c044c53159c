use std::cell::OnceCell;
use std::collections::BTreeMap;

use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::{Arbitrary, Unstructured};

use crate::deeds::{Deed, INSTRUCTIONS};
use crate::market::Market;
use crate::rules::Books;
use crate::twist::Twist;

/// More would make lives slow without making them stranger.
const LONGEST: usize = 32;
/// Up to here a byte stands for no twist; beyond, for up to four.
const UNTWISTED: u8 = 0xc0;

/// Something that somebody tries.
#[derive(Clone, Debug)]
pub struct Attempt {
    deed: Deed,
    twists: Vec<Twist>,
}

impl<'a> Arbitrary<'a> for Attempt {
    /// Most attempts are as their builder made them, or a long life would stay at its beginning.
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let deed = bytes.arbitrary()?;
        let count = u8::arbitrary(bytes)?.saturating_sub(UNTWISTED).div_ceil(16);
        let twists = (0..count).map(|_| bytes.arbitrary()).collect::<arbitrary::Result<_>>()?;
        Ok(Self { deed, twists })
    }
}

/// A whole life of the market.
#[derive(Clone, Debug)]
pub struct Life(Vec<Attempt>);

impl<'a> Arbitrary<'a> for Life {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut attempts = Vec::new();
        while !bytes.is_empty() && attempts.len() < LONGEST {
            attempts.push(bytes.arbitrary()?);
        }
        Ok(Self(attempts))
    }
}

thread_local! {
    /// Founding takes longer than most lives.
    static FOUNDED: OnceCell<Market> = const { OnceCell::new() };
}

impl Life {
    /// # Errors
    /// When the bytes end in the middle of a field that cannot be made up.
    pub fn from_bytes(bytes: &[u8]) -> arbitrary::Result<Self> {
        Self::arbitrary(&mut Unstructured::new(bytes))
    }

    /// Lives it, to the end of every job in it. Returns how often each instruction went through before
    /// that end.
    ///
    /// # Panics
    /// When a rule is broken.
    pub fn live(&self) -> BTreeMap<&'static str, usize> {
        let mut market = FOUNDED.with(|founded| founded.get_or_init(Market::found).fork());
        let mut books = Books::open(&market);
        let mut went_through = BTreeMap::new();
        for attempt in &self.0 {
            for name in attempt.take(&mut market, &mut books) {
                *went_through.entry(name).or_default() += 1;
            }
        }
        market.everything_comes_out(&mut books);
        went_through
    }
}

impl Attempt {
    /// Returns the instructions of the program that went through.
    fn take(&self, market: &mut Market, books: &mut Books) -> Vec<&'static str> {
        if let Deed::Wait(wait) = &self.deed {
            wait.pass(market);
            books.look_at_the_clock(market);
            return Vec::new();
        }
        let Some(mut instructions) = self.deed.call(market) else { return Vec::new() };
        for twist in &self.twists {
            twist.apply(&mut instructions, market);
        }
        market.sign(&mut instructions);
        let result = market.send(&instructions);
        let went_through = result.is_ok();
        books.check(market, &instructions, result);
        if !went_through {
            return Vec::new();
        }
        if self.deed.happens_once() {
            books.check_replay(market, &instructions);
        }
        instructions.iter().filter_map(name).collect()
    }
}

fn name(instruction: &Instruction) -> Option<&'static str> {
    INSTRUCTIONS.iter().find(|(_, beginning)| instruction.data.starts_with(beginning)).map(|(name, _)| *name)
}
