use millrace_protocol::quorum::{Member, Quorum};
use millrace_protocol::{
    BasisPoints, Dispute, GpuUnits, Job, JobTerms, Lease, MicroUsdc, Payment, PricePerGpuHour, Requirements, Seconds,
    ServiceLevel, Verification,
};

use super::*;

const JOB: Address = Address([1; 32]);
const ATTESTOR: Address = Address([4; 32]);
const NOW: UnixSeconds = UnixSeconds(10_000);
const LATER: UnixSeconds = UnixSeconds(10_001);

fn terms(verification: Verification) -> JobTerms {
    let requirements =
        Requirements { gpu_classes: 0, vram_mib: 0, units: GpuUnits(1), regions: 0, accept_simulated: true };
    JobTerms {
        requirements,
        maximum_price: PricePerGpuHour(1),
        concurrent_leases: 3,
        lease_seconds: Seconds(60),
        start_window: Seconds(60),
        retries: 0,
        deposit: MicroUsdc(1),
        spot: false,
        service_level: ServiceLevel::None,
        payment: Payment::OnResult,
        verification,
        dispute_window: Seconds(60),
    }
}

fn lease(number: u32, state: LeaseState, deadline: UnixSeconds) -> LeaseAccount {
    let lease = Lease {
        state,
        price: PricePerGpuHour(1),
        units: GpuUnits(1),
        opened_at: UnixSeconds(9_000),
        maximum: Seconds(60),
        reserved: MicroUsdc::ZERO,
        paid: MicroUsdc::ZERO,
        fees: MicroUsdc::ZERO,
        bond: MicroUsdc::ZERO,
        sequence: 1,
        metered: Seconds(1),
        downtime: Seconds::ZERO,
        start_by: deadline,
        start_extended: false,
        started_late: false,
        attested_at: UnixSeconds(9_500),
        checkpoint_by: deadline,
        ends_by: UnixSeconds(20_000),
        preempted_at: UnixSeconds::ZERO,
        reported: LeaseOutcome::Completed,
        disputable_until: deadline,
        fee: BasisPoints(500),
        abandon_penalty: BasisPoints(1_000),
        lost_penalty: BasisPoints(2_500),
        start_timeout: Seconds(60),
        checkpoint_interval: Seconds(900),
        hold_limit: Seconds(21_600),
        settle_grace: Seconds(600),
    };
    LeaseAccount {
        address: Address([10 + number as u8; 32]),
        job: JOB,
        number,
        node: Address([2; 32]),
        provider: Address([3; 32]),
        attestor: ATTESTOR,
        result_root: [0; 32],
        bid_book_root: [0; 32],
        rent_payer: ATTESTOR,
        lease,
    }
}

fn affairs(state: JobState, leases: Vec<LeaseAccount>, round: Option<Quorum>) -> Affairs {
    let verification =
        if round.is_some() { Verification::Quorum { needed: 2, size: 3 } } else { Verification::Attested };
    let job = Job {
        terms: terms(verification),
        state,
        reserved: MicroUsdc::ZERO,
        paid: MicroUsdc::ZERO,
        fees: MicroUsdc::ZERO,
        compensation: MicroUsdc::ZERO,
        dispute_bonds: MicroUsdc::ZERO,
        live_leases: 0,
        reported_leases: 0,
        completed: false,
        leases_opened: leases.len() as u32,
        attempts_failed: 0,
        start_deadline: LATER,
        cancelled_at: UnixSeconds::ZERO,
        settle_grace: Seconds(600),
    };
    let disputed = leases.iter().filter(|lease| lease.lease.state == LeaseState::Disputed);
    let dispute = |lease: &LeaseAccount| DisputeAccount {
        address: address::dispute(lease.address),
        job: JOB,
        lease: lease.address,
        challenger: Address([5; 32]),
        evidence_hash: [0; 32],
        rent_payer: Address([5; 32]),
        dispute: Dispute { bond: MicroUsdc(1), opened_at: NOW, decide_by: lease.lease.disputable_until },
    };
    let disputes = disputed.map(dispute).collect();
    let job = JobAccount {
        address: JOB,
        buyer: Address([5; 32]),
        id: 1,
        funder: Address([5; 32]),
        prepaid: false,
        rent_payer: Address([5; 32]),
        attestor: None,
        quorum_round: 0,
        quorum_open: round.is_some(),
        mint: Address([7; 32]),
        spec_hash: [0; 32],
        opened_slot: 1,
        opened_at: UnixSeconds(9_000),
        job,
    };
    let round =
        round.map(|quorum| QuorumAccount { address: job.round(), job: JOB, round: 0, rent_payer: ATTESTOR, quorum });
    Affairs { job, leases, disputes, round, clock: NOW }
}

fn names(affairs: &Affairs) -> Vec<(&'static str, Option<u32>)> {
    affairs.due().iter().map(|step| (step.name(), step.lease().map(|lease| lease.number))).collect()
}

fn next(affairs: &Affairs) -> Option<(UnixSeconds, &'static str)> {
    affairs.next().map(|(at, step)| (at, step.name()))
}

#[test]
fn each_state_of_a_lease_has_its_step_from_its_deadline_on() {
    for (state, name) in [
        (LeaseState::Assigned, "expire_lease"),
        (LeaseState::Running, "expire_lease"),
        (LeaseState::Reported, "finalize_lease"),
        (LeaseState::Disputed, "expire_dispute"),
    ] {
        let due = affairs(JobState::Active, vec![lease(0, state, NOW)], None);
        assert_eq!((names(&due), next(&due)), (vec![(name, Some(0))], None));
        let early = affairs(JobState::Active, vec![lease(0, state, LATER)], None);
        assert_eq!((names(&early), next(&early)), (vec![], Some((LATER, name))));
    }
}

#[test]
fn how_a_lease_ends_is_known_before() {
    let outcome = |state, hold_limit: u64| {
        let mut lease = lease(0, state, NOW);
        lease.lease.hold_limit = Seconds(hold_limit);
        match affairs(JobState::Active, vec![lease], None).due()[..] {
            [Step::ExpireLease { outcome, .. }] => outcome,
            ref other => panic!("{other:?}"),
        }
    };
    assert_eq!(outcome(LeaseState::Assigned, 21_600), LeaseOutcome::Abandoned);
    assert_eq!(outcome(LeaseState::Running, 21_600), LeaseOutcome::Lost);
    // Held to the limit: its last voucher came 500 s ago.
    assert_eq!(outcome(LeaseState::Running, 500), LeaseOutcome::AttestorGone);
}

#[test]
fn a_job_is_ended_when_no_node_took_it_in_time_and_closed_when_it_is_over() {
    let mut open = affairs(JobState::Open, vec![], None);
    assert_eq!((names(&open), next(&open)), (vec![], Some((LATER, "expire_job"))));
    open.clock = LATER;
    assert_eq!((names(&open), next(&open)), (vec![("expire_job", None)], None));
    for over in [JobState::Done, JobState::Expired] {
        assert_eq!(names(&affairs(over, vec![], None)), [("close_job", None)]);
    }
    for busy in [JobState::Active, JobState::Cancelling] {
        let busy = affairs(busy, vec![], None);
        assert_eq!((names(&busy), next(&busy)), (vec![], None));
    }
}

#[test]
fn a_job_whose_dispute_cannot_be_read_waits() {
    let mut unread = affairs(JobState::Active, vec![lease(0, LeaseState::Disputed, NOW)], None);
    unread.disputes.clear();
    assert_eq!((names(&unread), next(&unread)), (vec![], None));
}

#[test]
fn results_are_counted_then_settled_then_their_round_is_closed_before_the_job() {
    let leases = || (0..3).map(|number| lease(number, LeaseState::Reported, NOW)).collect::<Vec<_>>();
    let member = |(number, state): (u32, MemberState)| Member {
        state,
        lease: lease(number, LeaseState::Reported, NOW).address,
        provider: Address([20 + number as u8; 32]),
        hash: [9; 32],
    };
    let round = |states: [MemberState; 3], reveal_by, verdict| {
        let mut quorum = Quorum::new(2, 3, Seconds(60));
        for (place, state) in (0..).zip(states) {
            quorum.members[place as usize] = member((place, state));
        }
        (quorum.joined, quorum.commit_by, quorum.reveal_by, quorum.verdict) = (3, NOW, reveal_by, verdict);
        quorum
    };
    use MemberState::{Committed, Gone, Revealed, Settled};

    let early = affairs(JobState::Active, leases(), Some(round([Committed; 3], LATER, Verdict::Open)));
    assert_eq!((names(&early), next(&early)), (vec![], Some((LATER, "tally_quorum"))));
    // Who has not shown a result in time is out; once all have, nobody waits.
    for done in [round([Committed; 3], NOW, Verdict::Open), round([Revealed; 3], LATER, Verdict::Open)] {
        assert_eq!(names(&affairs(JobState::Active, leases(), Some(done))), [("tally_quorum", None)]);
    }
    let counted = affairs(JobState::Active, leases(), Some(round([Revealed, Settled, Gone], NOW, Verdict::Decided)));
    assert_eq!(names(&counted), [("settle_member", Some(0))]);
    let through = affairs(JobState::Done, vec![], Some(round([Settled, Settled, Gone], NOW, Verdict::Decided)));
    assert_eq!(names(&through), [("close_quorum", None)]);
}

#[test]
fn each_step_is_the_instruction_that_it_is_called_by() {
    let mut all = affairs(
        JobState::Active,
        vec![
            lease(0, LeaseState::Running, NOW),
            lease(1, LeaseState::Reported, NOW),
            lease(2, LeaseState::Disputed, NOW),
        ],
        None,
    );
    all.job.job.state = JobState::Expired;
    let mut quorum = Quorum::new(2, 3, Seconds(60));
    quorum.verdict = Verdict::Failed;
    let round = QuorumAccount { address: all.job.round(), job: JOB, round: 0, rent_payer: ATTESTOR, quorum };
    let lease = &all.leases[1];
    let more = [
        Step::TallyRound { round: &round },
        Step::SettleMember { lease, round: &round },
        Step::CloseRound { round: &round },
        Step::ExpireJob,
    ];
    let steps: Vec<Step<'_>> = all.due().into_iter().chain(more).collect();
    assert_eq!(steps.len(), 8, "{steps:?}");
    for step in steps {
        let built = step.instructions(Address([8; 32]), &all.job);
        let last = built.last().unwrap();
        assert_eq!(instructions::name(&last.program_id, &last.data), step.name());
    }
}
