use millrace_protocol::{Seconds, UnixSeconds};
use millrace_spec::Sealed;

use super::rig::*;
use super::upkeep::opened;
use crate::*;

/// Two minutes after the lease was signed.
const UNTIL: UnixSeconds = UnixSeconds(START.0 + 120);

pub fn sealed(task: u32) -> Event {
    let sealed = Sealed { files: vec!["token".to_owned()], ..Sealed::default() };
    Event::TaskAssigned(Assignment { sealed: Some(Box::new(sealed)), ..assignment(task) })
}

fn waiting() -> Rig {
    let mut rig = Rig::leased();
    rig.event(sealed(0));
    assert_eq!(rig.phase(0), Phase::AwaitingSecrets { until: UNTIL });
    assert_eq!(rig.reports, [Report::AwaitingSecrets(key(0), UNTIL)]);
    rig
}

fn failures(rig: &Rig) -> Vec<Cause> {
    let failed = |report: &Report| match report {
        Report::Failed(_, failure) => Some(failure.cause),
        _ => None,
    };
    rig.reports.iter().filter_map(failed).collect()
}

#[test]
fn a_task_waits_for_what_its_buyer_brings_and_then_goes_on() {
    let mut rig = waiting();
    assert!(rig.pending.is_empty(), "nothing is fetched or pulled before");
    rig.event(Event::Unsealed(LEASE));
    assert_eq!(rig.phase(0), Phase::FetchingInputs);
    rig.settle();
    assert_eq!(rig.done(), [0]);
    // The lease has them: its next task does not wait.
    rig.event(sealed(1));
    assert_eq!(rig.phase(1), Phase::FetchingInputs);
}

#[test]
fn what_was_brought_before_the_task_is_not_waited_for() {
    let mut rig = Rig::leased();
    rig.event(Event::Unsealed(LEASE));
    rig.event(sealed(0));
    assert_eq!(rig.phase(0), Phase::FetchingInputs);
}

#[test]
fn a_buyer_who_brings_nothing_is_waited_for_two_minutes_once() {
    let mut rig = waiting();
    rig.now = UnixSeconds(UNTIL.0 - 1);
    rig.event(Event::Tick);
    assert_eq!(rig.phase(0), Phase::AwaitingSecrets { until: UNTIL });
    rig.now = UNTIL;
    rig.event(Event::Tick);
    rig.settle();
    assert_eq!(failures(&rig), [Cause::SecretsMissing]);
    assert_eq!(Cause::SecretsMissing.fault(), Fault::Buyer);
    assert!(rig.is_clean());
    // Under the same lease nobody waits again: the rig would stand idle for as long as there are retries.
    rig.event(sealed(1));
    rig.event(Event::Tick);
    rig.settle();
    assert_eq!(failures(&rig), [Cause::SecretsMissing; 2]);
}

#[test]
fn a_wait_never_brings_the_rig_near_the_end_of_its_start_timeout() {
    let mut rig = waiting();
    let hasty = millrace_protocol::Lease { start_timeout: Seconds(60), ..opened() };
    let clock = UnixSeconds(START.0 + 15);
    rig.now = clock;
    rig.event(Event::LeaseRead { lease: LEASE, account: Some(hasty), clock });
    let until = UnixSeconds(START.0 + 30);
    assert_eq!(rig.reports.last(), Some(&Report::AwaitingSecrets(key(0), until)));
    rig.now = until;
    rig.event(Event::Tick);
    rig.settle();
    assert_eq!(failures(&rig), [Cause::SecretsMissing]);

    // The usual timeout leaves the usual wait.
    let mut rig = waiting();
    rig.event(Event::LeaseRead { lease: LEASE, account: Some(opened()), clock });
    assert_eq!(rig.phase(0), Phase::AwaitingSecrets { until: UNTIL });
    assert_eq!(rig.reports.len(), 1, "nothing new to say");
}

#[test]
fn what_was_brought_late_serves_the_next_attempt() {
    let mut rig = waiting();
    rig.now = UNTIL;
    rig.event(Event::Tick);
    rig.settle();
    rig.event(Event::Unsealed(LEASE));
    rig.event(sealed(1));
    assert_eq!(rig.phase(1), Phase::FetchingInputs);
}

#[test]
fn a_wait_is_broken_off_and_survives_a_restart() {
    let mut rig = waiting();
    let recovered = recover(&rig.journal, &[], rig.now);
    let task = recovered.agent.task(key(0)).unwrap();
    assert_eq!(*task.phase(), Phase::AwaitingSecrets { until: UNTIL });
    rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested });
    rig.settle();
    assert_eq!(failures(&rig), [Cause::Stopped]);
    assert!(rig.is_clean());
}

#[test]
fn a_restart_does_not_begin_the_wait_anew() {
    let mut rig = waiting();
    rig.now = UnixSeconds(UNTIL.0 - 10);
    rig.restart();
    let asking = UnixSeconds(rig.now.0 + 30);
    assert_eq!(rig.phase(0), Phase::AwaitingSecrets { until: asking }, "the chain is asked how long ago that was");
    rig.tick(1);
    assert_eq!(rig.asked, [Action::ReadLease(LEASE)]);
    rig.event(Event::LeaseRead { lease: LEASE, account: Some(opened()), clock: rig.now });
    // It was opened a second after it was signed.
    let until = UnixSeconds(UNTIL.0 + 1);
    assert_eq!(rig.reports.last(), Some(&Report::AwaitingSecrets(key(0), until)));
    rig.now = UnixSeconds(until.0 - 1);
    rig.event(Event::Tick);
    assert_eq!(rig.phase(0), Phase::AwaitingSecrets { until });
    rig.tick(1);
    rig.settle();
    assert_eq!(failures(&rig), [Cause::SecretsMissing]);
}

#[test]
fn a_job_with_encrypted_outputs_alone_needs_nobody() {
    let mut rig = Rig::leased();
    let sealed = Sealed { outputs: Some("age1".to_owned()), ..Sealed::default() };
    rig.event(Event::TaskAssigned(Assignment { sealed: Some(Box::new(sealed)), ..assignment(0) }));
    assert_eq!(rig.phase(0), Phase::FetchingInputs);
}
