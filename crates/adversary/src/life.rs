use std::cell::OnceCell;
use std::collections::HashSet;
use std::mem::{Discriminant, discriminant};

use arbitrary::{Arbitrary, Unstructured};

use crate::deeds::Deed;
use crate::market::Market;
use crate::rules::Books;
use crate::twist::Twist;

/// More would make lives slow without making them stranger.
const LONGEST: usize = 32;

/// Something that somebody tries.
#[derive(Arbitrary, Clone, Debug)]
pub struct Attempt {
    deed: Deed,
    /// Most attempts are as their builder made them, or a long life would stay at its beginning.
    twists: Vec<Twist>,
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

    /// Lives it. Returns which kinds of deeds went through.
    ///
    /// # Panics
    /// When a rule is broken.
    pub fn live(&self) -> HashSet<Discriminant<Deed>> {
        let mut market = FOUNDED.with(|founded| founded.get_or_init(Market::found).fork());
        let mut books = Books::open(&mut market);
        let went_through = self.0.iter().filter(|attempt| attempt.take(&mut market, &mut books));
        went_through.map(|attempt| discriminant(&attempt.deed)).collect()
    }
}

impl Attempt {
    fn take(&self, market: &mut Market, books: &mut Books) -> bool {
        if let Deed::Wait(wait) = &self.deed {
            wait.pass(market);
            return false;
        }
        let Some(mut instructions) = self.deed.call(market) else { return false };
        for twist in &self.twists {
            twist.apply(&mut instructions, market);
        }
        market.sign(&mut instructions);
        let result = market.send(&instructions);
        let went_through = result.is_ok();
        books.check(market, &instructions, result);
        if went_through && self.deed.happens_once() {
            books.check_replay(market, &instructions);
        }
        went_through
    }
}
