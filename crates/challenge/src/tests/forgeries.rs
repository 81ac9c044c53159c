//! Ways to answer without the memory, the work, the GPU or the time. Each is refused.

use millrace_protocol::Diagnostic;

use super::scene::*;
use crate::field::MODULUS;
use crate::schedule::Schedule;
use crate::tile::{SIDE, WORDS};
use crate::*;

fn refused(rig: &Rig, change: impl FnOnce(&mut Opening)) -> &'static str {
    let refusal = rig.judged(change).expect_err("a forgery was believed");
    assert!(!refusal.hint().is_empty() && !refusal.hint().ends_with('.'));
    refusal.code()
}

/// Refused however the opening looks.
fn refused_as_it_is(rig: &Rig) -> &'static str {
    refused(rig, |_| {})
}

#[test]
fn the_same_rig_is_believed_where_it_forges_nothing() {
    assert!(Rig::honest().judged(|_| {}).is_ok());
}

#[test]
fn a_smaller_matrix() {
    let smaller = worked(&Challenge { tiles: Tiles::nearest(4), ..challenge() });
    let mut admitted = Rig::with(smaller.clone());
    admitted.commitment.tiles = 4;
    assert_eq!(refused_as_it_is(&admitted), "challenge-other-size");
    let hidden = Rig::with(smaller.clone());
    assert!(hidden.judged(|_| {}).is_err());
    let twice = Rig::with([smaller.clone(), smaller].concat());
    assert_eq!(refused_as_it_is(&twice), "challenge-wrong-product");
}

#[test]
fn a_reused_seed() {
    let yesterday = worked(&Challenge { nonce: [6; 32], ..challenge() });
    assert_eq!(refused_as_it_is(&Rig::with(yesterday)), "challenge-wrong-product");
}

#[test]
fn rows_computed_beforehand() {
    let mut tiles = Rig::honest().tiles;
    let yesterday = worked(&Challenge { nonce: [6; 32], ..challenge() });
    tiles[5][7 * SIDE..8 * SIDE].copy_from_slice(&yesterday[5][7 * SIDE..8 * SIDE]);
    assert_eq!(refused_as_it_is(&Rig::with(tiles)), "challenge-wrong-product");
}

#[test]
fn another_device() {
    let elsewhere = worked(&Challenge { gpu: "GPU-2".to_owned(), ..challenge() });
    let mut admitted = Rig::with(elsewhere.clone());
    admitted.commitment.gpu = "GPU-2".to_owned();
    assert_eq!(refused_as_it_is(&admitted), "challenge-other-gpu");
    assert_eq!(refused_as_it_is(&Rig::with(elsewhere)), "challenge-wrong-product");
}

#[test]
fn another_node() {
    let elsewhere = worked(&Challenge { node: millrace_protocol::Address([1; 32]), ..challenge() });
    assert_eq!(refused_as_it_is(&Rig::with(elsewhere)), "challenge-wrong-product");
}

#[test]
fn an_answer_relayed_late() {
    let rig = Rig::honest();
    let late = |at| Issued::new(challenge(), SENT).commit(rig.commitment.clone(), at, DRAW);
    assert!(late(SENT + Millis(2_000)).is_ok(), "at the deadline");
    let refusal = late(SENT + Millis(2_001)).unwrap_err();
    assert_eq!(refusal, Refusal::CommitmentLate { took: Millis(2_001), within: Millis(2_000) });

    let opened = |at| {
        let committed = late(SENT + Millis(10)).unwrap();
        let opening = rig.open(committed.request());
        committed.verify(&opening, at, SECRET)
    };
    assert!(opened(SENT + Millis(310)).is_ok(), "at the deadline");
    let refusal = opened(SENT + Millis(311)).unwrap_err();
    assert_eq!(refusal, Refusal::OpeningLate { took: Millis(301), within: Millis(300) });
    assert_eq!((refusal.code(), rig.judged(|_| {}).is_ok()), ("challenge-opening-late", true));
}

#[test]
fn bit_flips() {
    let rig = Rig::honest();
    assert_eq!(refused(&rig, |opening| opening.tiles[2].words[9] ^= 1), "challenge-not-committed");
    assert_eq!(refused(&rig, |opening| opening.tiles[2].path[1][30] ^= 0x80), "challenge-not-committed");
    let mut root = Rig::honest();
    root.commitment.root[0] ^= 1;
    assert_eq!(refused_as_it_is(&root), "challenge-not-committed");
    // Committed to, as memory errors are.
    for bit in [0, 15, 30] {
        let mut tiles = Rig::honest().tiles;
        tiles[6][WORDS - 1] ^= 1 << bit;
        let code = refused_as_it_is(&Rig::with(tiles));
        assert!(["challenge-wrong-product", "challenge-malformed"].contains(&code), "{code}");
    }
}

#[test]
fn a_truncated_transcript() {
    let rig = Rig::honest();
    assert_eq!(refused(&rig, |opening| opening.tiles.truncate(7)), "challenge-other-count");
    assert_eq!(refused(&rig, |opening| opening.tiles.clear()), "challenge-other-count");
    assert_eq!(refused(&rig, |opening| opening.tiles[0].words.truncate(WORDS - 1)), "challenge-malformed");
    assert_eq!(refused(&rig, |opening| opening.tiles[0].words.clear()), "challenge-malformed");
    assert_eq!(refused(&rig, |opening| opening.tiles[0].path.truncate(2)), "challenge-not-committed");
}

#[test]
fn more_than_was_asked_for() {
    let rig = Rig::honest();
    let again = |opening: &mut Opening| opening.tiles.push(opening.tiles[0].clone());
    assert_eq!(refused(&rig, again), "challenge-other-count");
    assert_eq!(refused(&rig, |opening| opening.tiles[0].words.push(0)), "challenge-malformed");
    assert_eq!(refused(&rig, |opening| opening.tiles[0].path.push([0; 32])), "challenge-not-committed");
}

#[test]
fn swapped_rows_columns_and_tiles() {
    let mut rows = Rig::honest().tiles;
    for column in 0..SIDE {
        rows[1].swap(column, 3 * SIDE + column);
    }
    assert_eq!(refused_as_it_is(&Rig::with(rows)), "challenge-wrong-product");
    let mut columns = Rig::honest().tiles;
    for row in 0..SIDE {
        columns[1].swap(row * SIDE, row * SIDE + 1);
    }
    assert_eq!(refused_as_it_is(&Rig::with(columns)), "challenge-wrong-product");
    let mut tiles = Rig::honest().tiles;
    tiles.swap(0, 1);
    assert_eq!(refused_as_it_is(&Rig::with(tiles)), "challenge-wrong-product");
    let rig = Rig::honest();
    assert_eq!(refused(&rig, |opening| opening.tiles.swap(0, 1)), "challenge-other-tile");
    let relabelled = |opening: &mut Opening| {
        let number = opening.tiles[0].tile;
        opening.tiles[0] = OpenedTile { tile: number, ..opening.tiles[1].clone() };
    };
    assert_eq!(refused(&rig, relabelled), "challenge-not-committed");
}

#[test]
fn words_that_are_right_only_modulo_the_prime() {
    let mut tiles = Rig::honest().tiles;
    tiles[4][100] += MODULUS;
    assert_eq!(refused_as_it_is(&Rig::with(tiles)), "challenge-malformed");
}

#[test]
fn matrices_of_low_rank() {
    // Of the right sum in each row: whoever checks with a vector that can be guessed believes it.
    let mut tiles = Rig::honest().tiles;
    for row in tiles[3].chunks_exact_mut(SIDE) {
        let sum = row.iter().fold(0u64, |sum, word| sum + u64::from(*word));
        row.fill(0);
        row[0] = field::reduce(sum);
    }
    let schedule = Schedule::new(&challenge());
    let ones = [[1; tile::VECTORS]; SIDE];
    assert_eq!(tile::times(&tiles[3], &ones), schedule.tile_times(3, &ones));
    assert_eq!(refused_as_it_is(&Rig::with(tiles)), "challenge-wrong-product");

    let zeros = vec![vec![0; WORDS]; TILES as usize];
    assert_eq!(refused_as_it_is(&Rig::with(zeros)), "challenge-wrong-product");
}

#[test]
fn a_pass_left_out() {
    let schedule = Schedule::new(&challenge());
    let mut device = Cpu::default();
    device.fill(&schedule.key, challenge().tiles).unwrap();
    for pass in 0..PASSES - 1 {
        device.multiply(schedule.first(pass), &schedule.partners(pass)).unwrap();
    }
    let tiles = (0..TILES).map(|tile| device.read(tile).unwrap()).collect();
    assert_eq!(refused_as_it_is(&Rig::with(tiles)), "challenge-wrong-product");
}

#[test]
fn tiles_made_up_after_the_request() {
    let mut rig = Rig::with(vec![vec![0; WORDS]; TILES as usize]);
    rig.tiles = Rig::honest().tiles;
    assert_eq!(refused_as_it_is(&rig), "challenge-not-committed");
}

#[test]
fn a_processor_where_a_gpu_was_asked() {
    let real = Challenge { accept_simulated: false, ..challenge() };
    let commitment = Prover::work(Cpu::default(), &real).unwrap().commitment();
    let refusal = Issued::new(real, SENT).commit(commitment, SENT, DRAW).unwrap_err();
    assert_eq!(refusal, Refusal::Simulated);
}
