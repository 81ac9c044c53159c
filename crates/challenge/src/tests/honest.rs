use super::scene::*;
use crate::prove::Unopened;
use crate::schedule::Schedule;
use crate::*;

#[test]
fn an_honest_answer_is_verified_and_says_what_computed_it() {
    let challenge = challenge();
    let mut prover = Prover::work(Cpu::default(), &challenge).unwrap();
    let committed = Issued::new(challenge, SENT).commit(prover.commitment(), SENT + Millis(2_000), DRAW).unwrap();
    let opening = prover.open(committed.request()).unwrap();
    let verdict = committed.verify(&opening, SENT + Millis(2_300), SECRET).unwrap();
    assert_eq!(verdict, Verdict { kind: Kind::Cpu, bytes: 8 * 65_536, took: Millis(2_000) });
}

#[test]
fn a_tile_that_does_not_exist_is_not_opened() {
    let mut prover = Prover::work(Cpu::default(), &challenge()).unwrap();
    assert_eq!(prover.open(&[0, TILES]), Err(Unopened::NoSuchTile(TILES)));
}

#[test]
fn a_challenge_with_fewer_samples_opens_fewer_tiles() {
    let few = Challenge { samples: 3, ..challenge() };
    let rig = Rig::honest();
    let committed = Issued::new(few, SENT).commit(rig.commitment.clone(), SENT, DRAW).unwrap();
    let request = committed.request().to_vec();
    assert_eq!(request.len(), 3);
    assert!(committed.verify(&rig.open(&request), SENT, SECRET).is_ok());
}

#[test]
fn the_chain_of_seed_tiles_is_the_product() {
    let schedule = Schedule::new(&challenge());
    let vectors = tile::vectors(&stream::Key::from_bytes(SECRET), 0);
    for (number, words) in worked(&challenge()).iter().enumerate() {
        assert_eq!(tile::times(words, &vectors), schedule.tile_times(number as u32, &vectors), "tile {number}");
    }
}

#[test]
fn a_product_is_the_sum_of_products_modulo_the_prime() {
    let key = stream::Key::from_bytes([1; 32]);
    let mut left = tile::seed(&key, 0);
    left[..256].fill(field::MODULUS - 1);
    let right: Vec<u32> = tile::seed(&key, 1).iter().map(|word| field::MODULUS - 1 - word % 2).collect();
    let product = tile::product(&left, &right);
    for (row, column) in [(0, 0), (1, 127), (2, 5), (127, 127)] {
        let sum: u128 = (0..tile::SIDE)
            .map(|k| u128::from(left[row * tile::SIDE + k]) * u128::from(right[k * tile::SIDE + column]))
            .sum();
        assert_eq!(u128::from(product[row * tile::SIDE + column]), sum % u128::from(field::MODULUS));
    }
}

#[test]
fn partners_are_of_the_other_half_and_the_same_to_both_sides() {
    let schedule = Schedule::new(&Challenge { tiles: Tiles::nearest(38), ..challenge() });
    for pass in 0..PASSES {
        let own = schedule.first(pass)..schedule.first(pass) + 19;
        let partners = schedule.partners(pass);
        assert_eq!(partners.len(), 19);
        assert!(partners.iter().all(|partner| *partner < 38 && !own.contains(partner)), "pass {pass}");
    }
}

#[test]
fn sizes_are_even_and_leave_the_driver_its_share() {
    assert_eq!([0, 1, 2, 3, 7, u32::MAX].map(|tiles| Tiles::nearest(tiles).count()), [2, 2, 2, 2, 6, 1 << 25]);
    let tiles = Tiles::filling(24_576);
    assert_eq!(tiles.bytes() / 1_048_576, 22_118, "nine tenths of 24 GiB");
    assert_eq!(Tiles::filling(0), Tiles::SMALLEST);
    assert_eq!(Tiles::filling(u32::MAX), Tiles::LARGEST);
}

#[test]
fn node_gpu_size_and_nonce_each_change_every_matrix() {
    let others = [
        Challenge { nonce: [8; 32], ..challenge() },
        Challenge { node: millrace_protocol::Address([1; 32]), ..challenge() },
        Challenge { gpu: "GPU-2".to_owned(), ..challenge() },
        Challenge { tiles: Tiles::nearest(6), ..challenge() },
    ];
    for other in others {
        assert_ne!(Schedule::new(&other).key, Schedule::new(&challenge()).key, "{other:?}");
    }
}
