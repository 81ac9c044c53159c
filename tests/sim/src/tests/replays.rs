use crate::runs::run_logged;
use crate::{Scenario, run};

#[test]
fn a_seed_is_one_run_whoever_watches() {
    for seed in [1, 10] {
        let (watched, lines) = run_logged(Scenario::draw(seed, 1));
        assert_eq!(run(Scenario::draw(seed, 1)), watched);
        assert_eq!(run_logged(Scenario::draw(seed, 1)), (watched, lines));
    }
}

#[test]
fn seeds_differ() {
    let digest = |seed| run(Scenario::draw(seed, 1)).digest;
    assert_ne!(digest(1), digest(2));
}
