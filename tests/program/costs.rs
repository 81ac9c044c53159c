use millrace_testkit::costs::{Cost, measure};

/// Lamports per signature.
const SIGNATURE: u64 = 5_000;
/// Compute units of the program as committed, one instruction a line.
const TABLE: &str = include_str!("costs.tsv");
/// Growth that passes, in percent. What grows by more shall be seen in a review: change the table.
const GROWTH: u64 = 5;

#[test]
fn no_instruction_costs_more_than_the_table_says() {
    let known: Vec<(&str, u64)> = TABLE
        .lines()
        .map(|line| line.split_once('\t').map(|(name, units)| (name, units.parse().unwrap())).unwrap())
        .collect();
    let costs = measure();
    let rows: String = costs.iter().map(|cost| format!("{}\t{}\n", cost.instruction, cost.compute_units)).collect();
    assert_eq!(
        known.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        costs.iter().map(|cost| cost.instruction).collect::<Vec<_>>(),
        "the table of costs names other instructions; measured:\n{rows}"
    );
    for ((_, before), Cost { instruction, compute_units, .. }) in known.iter().zip(&costs) {
        assert!(
            compute_units * 100 <= before * (100 + GROWTH),
            "{instruction} takes {compute_units} compute units, it took {before}; measured:\n{rows}"
        );
    }
}

#[test]
fn a_jobs_life_stays_below_70_000_compute_units_and_rent_comes_back() {
    let costs = measure();
    for Cost { instruction, compute_units, burned, .. } in &costs {
        assert!(*compute_units < 40_000, "{instruction} takes {compute_units} compute units");
        assert!(burned % SIGNATURE == 0 && *burned <= 3 * SIGNATURE, "{instruction} burns {burned} lamports");
    }
    let cost = |name: &str| costs.iter().find(|cost| cost.instruction == name).unwrap();
    let life = ["open_job", "open_lease", "settle (final)", "close_job"];
    assert!(life.map(|name| cost(name).compute_units).iter().sum::<u64>() < 70_000);
    let rent = |name: &str| cost(name).rent_locked;
    assert_eq!(rent("open_lease"), -rent("settle (final)"));
    assert_eq!(rent("open_lease"), -rent("expire_lease"));
    assert_eq!(rent("open_job"), -rent("close_job"));
    assert_eq!(rent("settle (progressive)"), 0);
    // The lease's and the dispute's.
    assert_eq!(rent("open_lease") + rent("open_dispute"), -rent("resolve_dispute"));
    assert_eq!(rent("resolve_dispute"), rent("expire_dispute"));
    assert_eq!(rent("open_lease"), -rent("settle_member"));
    assert_eq!(rent("open_quorum"), -rent("close_quorum"));
}
