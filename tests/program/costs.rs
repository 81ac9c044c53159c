use millrace_testkit::costs::{Cost, measure};

/// Lamports per signature.
const SIGNATURE: u64 = 5_000;

#[test]
fn every_instruction_stays_below_50_000_compute_units_and_rent_comes_back() {
    let costs = measure();
    assert_eq!(costs.len(), 13);
    for Cost { instruction, compute_units, burned, .. } in &costs {
        assert!(*compute_units < 50_000, "{instruction} takes {compute_units} compute units");
        assert!(burned % SIGNATURE == 0 && *burned <= 3 * SIGNATURE, "{instruction} burns {burned} lamports");
    }
    let rent = |name: &str| costs.iter().find(|cost| cost.instruction == name).unwrap().rent_locked;
    assert_eq!(rent("open_lease"), -rent("settle (final)"));
    assert_eq!(rent("open_lease"), -rent("expire_lease"));
    assert_eq!(rent("open_job"), -rent("close_job"));
    assert_eq!(rent("settle (progressive)"), 0);
}
