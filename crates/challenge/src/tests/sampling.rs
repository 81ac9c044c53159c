//! The two chances there are: that a wrong tile is not asked for, and that it agrees by accident.

use proptest::prelude::*;

use super::scene::*;
use crate::field::MODULUS;
use crate::schedule::Schedule;
use crate::stream::Key;
use crate::tile::{SIDE, WORDS};
use crate::verify::{agrees, draw_tiles};
use crate::*;

proptest! {
    #[test]
    fn a_corrupted_tile_that_is_opened_is_refused(
        tile in 0..TILES as usize,
        changes in proptest::collection::vec((0..WORDS, 1..MODULUS), 1..40),
        secret: [u8; 32],
    ) {
        let mut opened = honest().open(&[tile as u32]).tiles.remove(0);
        let before = opened.words.clone();
        for (place, by) in changes {
            opened.words[place] = field::reduce(u64::from(opened.words[place]) + u64::from(by));
        }
        let vectors = tile::vectors(&Key::from_bytes(secret), tile as u32);
        let agreed = agrees(&Schedule::new(&challenge()), &opened, &vectors);
        // Several changes of one word may cancel out.
        prop_assert_eq!(agreed, opened.words == before);
    }

    #[test]
    fn tiles_asked_for_are_different_and_exist(draw: [u8; 32], tiles in 2..2_000u32, samples in 0..80u16) {
        let drawn = draw_tiles(&Key::from_bytes(draw), tiles, samples);
        let different: std::collections::BTreeSet<u32> = drawn.iter().copied().collect();
        prop_assert_eq!(drawn.len(), usize::from(samples).min(tiles as usize));
        prop_assert_eq!(different.len(), drawn.len());
        prop_assert!(drawn.iter().all(|tile| *tile < tiles));
    }
}

fn honest() -> &'static Rig {
    static HONEST: std::sync::OnceLock<Rig> = std::sync::OnceLock::new();
    HONEST.get_or_init(Rig::honest)
}

/// The stated bound is the chance of hitting the kernel of the difference: what lies in it agrees, and
/// nothing else does.
#[test]
fn a_wrong_tile_agrees_exactly_where_its_difference_vanishes() {
    let schedule = Schedule::new(&challenge());
    let mut opened = honest().open(&[2]).tiles.remove(0);
    // The difference is 5 at column 3 and 7 at column 90 of row 11.
    for (column, by) in [(3, 5), (90, 7)] {
        let word = &mut opened.words[11 * SIDE + column];
        *word = field::reduce(u64::from(*word) + by);
    }
    let mut vectors = tile::vectors(&Key::from_bytes(SECRET), 2);
    assert!(!agrees(&schedule, &opened, &vectors));
    // 5 · 7 + 7 · (−5) = 0
    vectors[3] = [7; tile::VECTORS];
    vectors[90] = [MODULUS - 5; tile::VECTORS];
    assert!(agrees(&schedule, &opened, &vectors));
    vectors[90][1] = MODULUS - 6;
    assert!(!agrees(&schedule, &opened, &vectors), "one of the two vectors is enough to refuse");
}

/// Of a rig with a share of wrong tiles, as many pass as hypergeometry says.
#[test]
fn a_share_of_wrong_tiles_escapes_as_often_as_stated() {
    const TRIALS: u32 = 20_000;
    for (tiles, wrong, samples) in [(64, 8, 16), (64, 16, 4), (1_000, 200, 16)] {
        let escaped = (0..TRIALS)
            .filter(|trial| {
                let draw = Key::from_parts(&[&trial.to_le_bytes()]);
                draw_tiles(&draw, tiles, samples).iter().all(|tile| *tile >= wrong)
            })
            .count() as f64;
        let chance: f64 =
            (0..u32::from(samples)).map(|drawn| f64::from(tiles - wrong - drawn) / f64::from(tiles - drawn)).product();
        assert!(chance <= (1.0 - f64::from(wrong) / f64::from(tiles)).powi(i32::from(samples)));
        let expected = chance * f64::from(TRIALS);
        // Five standard deviations: the draws are the same in every run.
        let slack = 5.0 * (expected * (1.0 - chance)).sqrt();
        assert!((escaped - expected).abs() < slack, "{escaped} of {TRIALS} escaped, {expected} were expected");
    }
}
