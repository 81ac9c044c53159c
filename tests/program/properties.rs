//! Random lives of a small market. Whatever is sent, in whatever order and at whatever time, the
//! chain does what the pure rules say, to the micro-USDC, and the rules that hold always hold.

mod market;

use millrace_testkit::protocol::voucher::ExitClass;
use proptest::prelude::*;
use proptest::sample::select;

use market::{Market, Step};

fn step() -> impl Strategy<Value = Step> {
    let class = select(vec![ExitClass::Completed, ExitClass::Failed, ExitClass::Released, ExitClass::NodeFault]);
    prop_oneof![
        3 => (0..3usize, 0..2u64, 1..=2u16, 10..3_000u64, 1..=3u64, 0..3u16).prop_map(
            |(buyer, id, units, lease_seconds, leases, retries)| {
                Step::OpenJob { buyer, id, units, lease_seconds, leases, retries }
            }
        ),
        8 => (any::<usize>(), 0..4usize, 0..=16u64).prop_map(|(job, node, part)| Step::OpenLease { job, node, part }),
        16 => (any::<usize>(), 0..=9u64, 0..4u64, prop::bool::weighted(0.2), class).prop_map(
            |(lease, eighths, sequences, is_final, class)| Step::Settle { lease, eighths, sequences, is_final, class }
        ),
        2 => any::<usize>().prop_map(|voucher| Step::Replay { voucher }),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(voucher, lease)| Step::Divert { voucher, lease }),
        1 => any::<usize>().prop_map(|job| Step::Cancel { job }),
        1 => any::<usize>().prop_map(|job| Step::ExpireJob { job }),
        4 => any::<usize>().prop_map(|lease| Step::ExpireLease { lease }),
        3 => any::<usize>().prop_map(|job| Step::Close { job }),
        1 => (0..2usize, 0..20_000_000u64).prop_map(|(provider, amount)| Step::AddStake { provider, amount }),
        8 => select(vec![1, 4, 5, 6, 10, 30, 60, 60, 100, 299, 300, 301, 599, 600, 601, 899, 900, 901]).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn money_is_conserved_and_the_chain_follows_the_rules(steps in prop::collection::vec(step(), 40..120)) {
        let mut market = Market::new();
        for step in steps {
            market.take(step);
            market.check();
        }
        market.everything_comes_out_without_anybodys_signature();
    }
}
