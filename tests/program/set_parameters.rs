use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::ParametersSet;
use millrace_testkit::program::state::Config;
use millrace_testkit::protocol::{BasisPoints, MicroUsdc, Parameters, Seconds, UnixSeconds};
use millrace_testkit::{Environment, Signer, parameters};

use crate::scene::Scene;

#[test]
fn changes_every_parameter() {
    let mut chain = Environment::new();
    let before = chain.config();
    let other = Parameters {
        fee: BasisPoints(1_500),
        bond_hours: 2,
        minimum_bond: [1, 2, 3, 4].map(MicroUsdc),
        minimum_reputation: [5, 6, 7, 8].map(BasisPoints),
        delist_floor: BasisPoints(9),
        start_timeout: Seconds(10),
        checkpoint_interval: Seconds(11),
        hold_limit: Seconds(12),
        settle_grace: Seconds(13),
        preemption_notice: Seconds(14),
        abandon_penalty: BasisPoints(15),
        lost_penalty: BasisPoints(16),
        dispute_bond: BasisPoints(17),
        minimum_dispute_bond: MicroUsdc(18),
        decide_window: Seconds(60),
        reveal_window: Seconds(61),
        unbonding: Seconds(62),
        payout_delay: Seconds(63),
    };
    let event: ParametersSet = chain.do_set_parameters(other).event();
    assert_eq!(chain.config(), Config { parameters: other.into(), ..before });
    assert_eq!(Parameters::from(chain.config().parameters), other);
    assert_eq!(event, ParametersSet { before: before.parameters, after: other.into(), at: chain.now().0 });
}

#[test]
fn what_is_under_way_keeps_what_it_began_with() {
    let Scene { mut chain, node, lease, .. } = Scene::new();
    let owner = node.provider.owner.address();
    chain.do_request_unstake(&node.provider, MicroUsdc(1));
    chain.do_change_payout(&node.provider, chain.admin.pubkey());
    let (lease_before, provider_before) = (chain.lease(&lease.address), chain.provider(&node.provider.address));
    let harsh = Parameters {
        fee: BasisPoints(1_500),
        lost_penalty: BasisPoints(10_000),
        start_timeout: Seconds(5),
        unbonding: Seconds(60),
        payout_delay: Seconds(60),
        ..parameters()
    };
    chain.do_set_parameters(harsh);
    assert_eq!(chain.lease(&lease.address), lease_before);
    assert_eq!(chain.provider(&node.provider.address), provider_before);

    chain.advance(Seconds(60));
    let call = chain.withdraw_stake(&node.provider);
    chain.refuses(&call, MarketError::DeadlineNotPassed);
    let payout = provider_before.payout();
    assert_eq!(payout.current(chain.now()).0, owner.to_bytes());
    assert_eq!(payout.next_from, UnixSeconds(chain.now().0 - 60 + parameters().payout_delay.0));
    chain.do_settle(&lease, Seconds(60));
    assert_eq!(chain.lease(&lease.address).fees, 3_000, "5 % of 60 seconds");
}

#[test]
fn refuses_every_parameter_out_of_bounds() {
    let mut chain = Environment::new();
    let good = parameters();
    let over = BasisPoints(10_001);
    for bad in [
        Parameters { fee: BasisPoints(1_501), ..good },
        Parameters { bond_hours: 721, ..good },
        Parameters { minimum_bond: [MicroUsdc(0), MicroUsdc(1), MicroUsdc(1), MicroUsdc(1)], ..good },
        Parameters { minimum_bond: [MicroUsdc(100_000_000_001); 4], ..good },
        Parameters { minimum_dispute_bond: MicroUsdc(1_000_000_001), ..good },
        Parameters { minimum_reputation: [over; 4], ..good },
        Parameters { delist_floor: over, ..good },
        Parameters { abandon_penalty: over, ..good },
        Parameters { lost_penalty: over, ..good },
        Parameters { dispute_bond: over, ..good },
        Parameters { start_timeout: Seconds(4), ..good },
        Parameters { checkpoint_interval: Seconds(86_401), hold_limit: Seconds(604_800), ..good },
        Parameters { settle_grace: Seconds(4), ..good },
        Parameters { preemption_notice: Seconds(86_401), ..good },
        Parameters { reveal_window: Seconds(4), ..good },
        Parameters { decide_window: Seconds(59), ..good },
        Parameters { unbonding: Seconds(2_592_001), ..good },
        Parameters { payout_delay: Seconds(59), ..good },
        Parameters { hold_limit: good.checkpoint_interval, ..good },
        Parameters { hold_limit: Seconds(604_801), ..good },
    ] {
        let call = chain.set_parameters(bad);
        chain.refuses(&call, MarketError::ParameterOutOfBounds);
    }
}

#[test]
fn refuses_whoever_is_not_the_admin() {
    let mut chain = Environment::new();
    let mut call = chain.set_parameters(parameters());
    call.accounts.admin = chain.scheduler.pubkey();
    call.signers = vec![chain.scheduler.insecure_clone()];
    chain.refuses(&call, MarketError::WrongAdmin);
}
