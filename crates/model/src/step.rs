use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{BasisPoints, HardwareClass};
use millrace_protocol::{Payment, Ruling, ServiceLevel, Verification};
use proptest::prelude::*;
use proptest::sample::select;

use crate::Funding;

/// What a random job asks for, by few numbers.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub units: u16,
    pub lease_seconds: u64,
    /// For how many leases the deposit is enough.
    pub leases: u64,
    pub concurrent: u16,
    pub retries: u16,
    pub start_window: u64,
    pub spot: bool,
    pub service_level: ServiceLevel,
    pub payment: Payment,
    pub verification: Verification,
    pub dispute_window: u64,
}

/// Something somebody tries. Positions are taken modulo what there is, three times of four among what is
/// still there; times and amounts are shares of what would be right, so that most tries are near a limit.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Wait(u64),
    /// To one second before (0), to (1) or past (2) the next deadline of a lease, round, job or dispute.
    WaitFor {
        what: usize,
        late: u64,
    },
    Deposit {
        buyer: usize,
        amount: u64,
    },
    Withdraw {
        buyer: usize,
        eighths: u64,
    },
    Allow {
        buyer: usize,
        amount: u64,
        seconds: u64,
    },
    OpenJob {
        buyer: usize,
        funding: Funding,
        terms: Terms,
    },
    ExtendJob {
        job: usize,
        deposit: u64,
        lease_seconds: u64,
        start_window: u64,
    },
    CancelJob {
        job: usize,
    },
    ExpireJob {
        job: usize,
    },
    CloseJob {
        job: usize,
    },
    /// For `sixteenths` of the time the job allows; at the posted price, or at `eighths` of it.
    OpenLease {
        job: usize,
        node: usize,
        sixteenths: u64,
        eighths: Option<u64>,
    },
    /// For `eighths` of the time since the lease was opened; nine are more than have passed. `down` of 16
    /// parts of it were downtime.
    Settle {
        lease: usize,
        eighths: u64,
        down: u64,
        sequences: u64,
        is_final: bool,
        class: ExitClass,
    },
    Replay {
        voucher: usize,
    },
    /// A redeemed voucher on another lease.
    Divert {
        voucher: usize,
        lease: usize,
    },
    Hold {
        lease: usize,
    },
    ExtendStart {
        lease: usize,
    },
    ExtendLease {
        lease: usize,
        seconds: u64,
    },
    Notice {
        lease: usize,
    },
    ExpireLease {
        lease: usize,
    },
    Accept {
        lease: usize,
    },
    Finalize {
        lease: usize,
    },
    Dispute {
        lease: usize,
    },
    Resolve {
        dispute: usize,
        ruling: Ruling,
    },
    ExpireDispute {
        dispute: usize,
    },
    /// What an honest member of a round does next; by chance alone no round would ever be decided.
    Proceed {
        round: usize,
    },
    /// Most roots are equal.
    Commit {
        lease: usize,
        root: u8,
    },
    Reveal {
        lease: usize,
        root: u8,
    },
    Tally {
        round: usize,
    },
    SettleMember {
        lease: usize,
    },
    CloseQuorum {
        round: usize,
    },
    AddStake {
        provider: usize,
        amount: u64,
    },
    Unbond {
        provider: usize,
        sixteenths: u64,
    },
    WithdrawStake {
        provider: usize,
    },
    WithdrawEarnings {
        provider: usize,
    },
    Sweep {
        provider: usize,
    },
    Delist {
        provider: usize,
    },
    Relist {
        provider: usize,
    },
    Drain {
        provider: usize,
        draining: bool,
    },
    Attest {
        node: usize,
        class: HardwareClass,
        seconds: u64,
    },
}

fn terms() -> impl Strategy<Value = Terms> {
    let level = select(vec![ServiceLevel::None, ServiceLevel::None, ServiceLevel::Silver, ServiceLevel::Gold]);
    let verification = prop_oneof![
        4 => Just(Verification::Attested),
        1 => Just(Verification::SpotCheck { share: BasisPoints(1_000) }),
        1 => Just(Verification::AttestedHardware { class: HardwareClass::Challenged }),
        2 => Just(Verification::Quorum { needed: 2, size: 2 }),
        3 => Just(Verification::Quorum { needed: 2, size: 3 }),
        1 => Just(Verification::Quorum { needed: 3, size: 4 }),
    ];
    let payment = select(vec![Payment::Streaming, Payment::OnResult]);
    let window = select(vec![0, 0, 60, 3_600, 86_400]);
    let numbers = (1..=2u16, 10..9_000u64, 1..=5u64, 1..=4u16, 0..3u16, 600..40_000u64, prop::bool::weighted(0.2));
    (numbers, level, verification, payment, window).prop_map(
        |(numbers, service_level, verification, payment, window)| {
            let (units, lease_seconds, leases, concurrent, retries, start_window, spot) = numbers;
            let terms = Terms {
                units,
                lease_seconds,
                leases,
                concurrent,
                retries,
                start_window,
                spot,
                service_level,
                payment,
                verification,
                dispute_window: window,
            };
            // Nine of ten quorums as they must be, the tenth as it comes.
            match verification {
                Verification::Quorum { size, .. } if lease_seconds % 10 > 0 => Terms {
                    payment: Payment::OnResult,
                    concurrent: u16::from(size),
                    leases: leases.max(u64::from(size)),
                    ..terms
                },
                Verification::SpotCheck { .. } if lease_seconds % 10 > 0 => {
                    Terms { dispute_window: window.max(60), ..terms }
                }
                _ => terms,
            }
        },
    )
}

/// A random step of a market.
pub fn step() -> impl Strategy<Value = Step> {
    let any = any::<usize>;
    let root = || prop_oneof![5 => Just(7u8), 1 => Just(8u8), 1 => Just(9u8)];
    let funding = select(vec![Funding::Wallet, Funding::Wallet, Funding::Funder, Funding::Balance, Funding::Delegate]);
    let class = select(vec![
        ExitClass::Completed,
        ExitClass::Completed,
        ExitClass::Completed,
        ExitClass::Failed,
        ExitClass::Released,
        ExitClass::NodeFault,
    ]);
    let ruling = select(vec![Ruling::ProviderRight, Ruling::BuyerRight, Ruling::Split]);
    let hardware = select(vec![HardwareClass::Claimed, HardwareClass::Challenged, HardwareClass::Enclave]);
    let time = prop_oneof![
        30 => select(vec![1u64, 4, 5, 6, 10, 30, 59, 60, 61, 100]),
        4 => select(vec![299u64, 300, 301, 599, 600, 601, 899, 900, 901]),
        1 => select(vec![3_600u64, 86_400, 604_800, 2_592_000]),
    ];
    let jobs = prop_oneof![
        9 => (0..3usize, funding, terms()).prop_map(|(buyer, funding, terms)| Step::OpenJob { buyer, funding, terms }),
        1 => (any(), 0..3_000_000u64, 0..300u64, 0..300u64).prop_map(|(job, deposit, lease_seconds, start_window)| {
            Step::ExtendJob { job, deposit, lease_seconds, start_window }
        }),
        1 => any().prop_map(|job| Step::CancelJob { job }),
        3 => any().prop_map(|job| Step::ExpireJob { job }),
        6 => any().prop_map(|job| Step::CloseJob { job }),
        2 => (0..3usize, 0..900_000_000u64).prop_map(|(buyer, amount)| Step::Deposit { buyer, amount }),
        1 => (0..3usize, 0..=9u64).prop_map(|(buyer, eighths)| Step::Withdraw { buyer, eighths }),
        1 => (0..3usize, 0..90_000_000u64, 0..9_000u64)
            .prop_map(|(buyer, amount, seconds)| Step::Allow { buyer, amount, seconds }),
    ];
    let leases = prop_oneof![
        28 => (any(), 0..8usize, 1..=16u64, prop::option::weighted(0.2, 0..=9u64))
            .prop_map(|(job, node, sixteenths, eighths)| Step::OpenLease { job, node, sixteenths, eighths }),
        40 => (any(), 0..=9u64, prop_oneof![4 => Just(0u64), 1 => 0..=16u64], 0..4u64, prop::bool::weighted(0.3), class)
            .prop_map(|(lease, eighths, down, sequences, is_final, class)| {
                Step::Settle { lease, eighths, down, sequences, is_final, class }
            }),
        2 => any().prop_map(|voucher| Step::Replay { voucher }),
        2 => (any(), any()).prop_map(|(voucher, lease)| Step::Divert { voucher, lease }),
        6 => any().prop_map(|lease| Step::Hold { lease }),
        2 => any().prop_map(|lease| Step::ExtendStart { lease }),
        2 => (any(), 0..500u64).prop_map(|(lease, seconds)| Step::ExtendLease { lease, seconds }),
        2 => any().prop_map(|lease| Step::Notice { lease }),
        10 => any().prop_map(|lease| Step::ExpireLease { lease }),
        3 => any().prop_map(|lease| Step::Accept { lease }),
        4 => any().prop_map(|lease| Step::Finalize { lease }),
    ];
    let verification = prop_oneof![
        9 => any().prop_map(|lease| Step::Dispute { lease }),
        6 => (any(), ruling).prop_map(|(dispute, ruling)| Step::Resolve { dispute, ruling }),
        3 => any().prop_map(|dispute| Step::ExpireDispute { dispute }),
        30 => any().prop_map(|round| Step::Proceed { round }),
        6 => (any(), root()).prop_map(|(lease, root)| Step::Commit { lease, root }),
        6 => (any(), root()).prop_map(|(lease, root)| Step::Reveal { lease, root }),
        5 => any().prop_map(|round| Step::Tally { round }),
        10 => any().prop_map(|lease| Step::SettleMember { lease }),
        6 => any().prop_map(|round| Step::CloseQuorum { round }),
    ];
    let providers = prop_oneof![
        2 => (0..4usize, 0..90_000_000u64).prop_map(|(provider, amount)| Step::AddStake { provider, amount }),
        2 => (0..4usize, 0..=17u64).prop_map(|(provider, sixteenths)| Step::Unbond { provider, sixteenths }),
        1 => (0..4usize).prop_map(|provider| Step::WithdrawStake { provider }),
        1 => (0..4usize).prop_map(|provider| Step::WithdrawEarnings { provider }),
        1 => (0..4usize).prop_map(|provider| Step::Sweep { provider }),
        3 => (0..4usize).prop_map(|provider| Step::Delist { provider }),
        3 => (0..4usize).prop_map(|provider| Step::Relist { provider }),
        1 => (0..4usize, prop::bool::weighted(0.2)).prop_map(|(provider, draining)| Step::Drain { provider, draining }),
        3 => (0..8usize, hardware, 0..900_000u64)
            .prop_map(|(node, class, seconds)| Step::Attest { node, class, seconds }),
    ];
    prop_oneof![
        16 => jobs,
        70 => leases,
        45 => verification,
        8 => providers,
        12 => time.prop_map(Step::Wait),
        6 => (any(), 0..=2u64).prop_map(|(what, late)| Step::WaitFor { what, late }),
    ]
}
