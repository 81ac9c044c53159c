//! What it costs to do without the memory, counted for the best strategy we know: keep a share of the
//! tiles, compute any other anew, from seed tiles, whenever it is needed.

use super::scene::challenge;
use crate::schedule::Schedule;
use crate::*;

/// Multiplications of a rig that keeps the first `kept` hundredths of each half, over those of one that
/// keeps all, in hundredths.
fn effort(kept: u32) -> u64 {
    let schedule = Schedule::new(&Challenge { tiles: Tiles::nearest(4_096), ..challenge() });
    let partners: Vec<Vec<u32>> = (0..PASSES).map(|pass| schedule.partners(pass)).collect();
    let forgetful = Forgetful { schedule, partners, kept: u64::from(kept) * 2_048 / 100 };
    let mut multiplications = 0;
    for pass in 0..PASSES {
        let first = schedule.first(pass);
        // A tile that is not kept is not computed until somebody needs it.
        for tile in (first..first + 2_048).filter(|tile| forgetful.keeps(*tile)) {
            multiplications +=
                1 + forgetful.cost(pass, forgetful.partners[pass as usize][(tile - first) as usize], pass);
        }
    }
    // At last each one is hashed.
    for tile in (0..4_096).filter(|tile| !forgetful.keeps(*tile)) {
        multiplications += forgetful.cost(PASSES, tile, PASSES);
    }
    multiplications * 100 / (u64::from(PASSES) * 2_048)
}

struct Forgetful {
    schedule: Schedule,
    partners: Vec<Vec<u32>>,
    kept: u64,
}

impl Forgetful {
    fn keeps(&self, tile: u32) -> bool {
        u64::from(tile % 2_048) < self.kept
    }

    /// Multiplications for a tile as it was before `pass`, when passes up to `now` are done: one that is
    /// kept is there only as it is now.
    fn cost(&self, pass: u32, tile: u32, now: u32) -> u64 {
        let own_half = u32::from(tile >= 2_048);
        let of_half = |pass: u32| (0..pass).rev().find(|pass| pass % 2 == own_half);
        if self.keeps(tile) && of_half(pass) == of_half(now) {
            return 0;
        }
        let Some(last) = of_half(pass) else { return 0 };
        let partner = self.partners[last as usize][(tile - self.schedule.first(last)) as usize];
        1 + self.cost(last, tile, now) + self.cost(last, partner, now)
    }
}

#[test]
fn memory_that_is_missing_costs_work() {
    // docs/gpu-challenge.md has these figures. Without any memory it is 16 multiplications a tile, not 3.
    assert_eq!([100, 90, 75, 50, 25, 0].map(effort), [100, 146, 219, 349, 459, 533]);
}
