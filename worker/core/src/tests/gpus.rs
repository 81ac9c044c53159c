//! A GPU fails while its rig is at work.

use std::collections::BTreeSet;

use millrace_protocol::{Address, Diagnostic};

use super::rig::*;
use crate::*;

const OTHER: Address = Address([8; 32]);

fn fault(rig: &mut Rig, gpu: u16, fault: GpuFault) {
    rig.event(Event::GpuFault { gpu, fault });
}

/// Task 0 of the lease runs on GPU 0, and one of another lease on GPU 1.
fn two_at_work() -> Rig {
    let mut rig = Rig::leased();
    rig.event(Event::OfferAccepted { lease: OTHER, terms: LeaseTerms { gpus: vec![1], ..terms() } });
    rig.assign(0);
    let mut other = assignment(0);
    other.key.lease = OTHER;
    rig.event(Event::TaskAssigned(other));
    while rig.pending.iter().any(|action| !matches!(action, Action::Follow(_))) {
        rig.pending.sort_by_key(|action| matches!(action, Action::Follow(_)));
        rig.step();
    }
    rig
}

#[test]
fn a_lost_gpu_hands_its_task_back_as_such_and_leaves_the_others_alone() {
    let mut rig = two_at_work();
    fault(&mut rig, 0, GpuFault::Lost);
    assert_eq!(rig.signals, [Action::Terminate(key(0))], "only what runs on it is stopped");
    rig.settle();
    assert_eq!(rig.last_failure(), Some(Cause::GpuLost));
    assert_eq!(Cause::GpuLost.fault(), Fault::Node, "the job is tried elsewhere at the rig's cost");
    assert_eq!(rig.done(), [0], "the other lease's task ends as it would have");
    assert!(rig.is_clean());
    assert!(rig.reports.contains(&Report::GpuFault { gpu: 0, fault: GpuFault::Lost }), "its owner is told");
}

#[test]
fn a_gpu_lost_at_any_step_leaves_nothing_behind_even_after_a_kill() {
    for steps in 0..7 {
        let mut rig = Rig::leased();
        rig.assign(0);
        rig.assign(1);
        (0..steps).for_each(|_| rig.step());
        fault(&mut rig, 0, GpuFault::Lost);
        let mut killed = rig.clone();
        rig.settle();
        assert!(rig.is_clean(), "after {steps} steps");
        let unfinished = rig.agent.unfinished(LEASE).count();
        assert_eq!(unfinished, 0, "after {steps} steps: also the task that waited is handed back");
        killed.restart();
        killed.settle();
        assert!(killed.is_clean(), "killed after {steps} steps");
    }
}

#[test]
fn what_was_computed_before_is_brought_home() {
    let mut rig = Rig::leased();
    rig.assign(0);
    (0..5).for_each(|_| rig.step());
    assert_eq!(rig.phase(0), Phase::Uploading);
    fault(&mut rig, 0, GpuFault::Lost);
    rig.settle();
    assert_eq!(rig.done(), [0]);
}

#[test]
fn a_task_for_a_lost_gpu_is_handed_back_at_once() {
    let mut rig = Rig::leased();
    fault(&mut rig, 0, GpuFault::Lost);
    let before = rig.journal.len();
    rig.assign(0);
    assert_eq!(rig.last_failure(), Some(Cause::GpuLost));
    assert_eq!((rig.pending.len(), rig.journal.len()), (0, before));
}

#[test]
fn a_fault_is_told_once_and_a_worse_one_again() {
    let mut rig = two_at_work();
    rig.reports.clear();
    fault(&mut rig, 0, GpuFault::Xid(63));
    fault(&mut rig, 0, GpuFault::Xid(92));
    assert!(rig.signals.is_empty(), "what runs may finish");
    fault(&mut rig, 0, GpuFault::Xid(79));
    fault(&mut rig, 0, GpuFault::Lost);
    let told: Vec<&Report> = rig.reports.iter().filter(|report| matches!(report, Report::GpuFault { .. })).collect();
    assert_eq!(
        told,
        [
            &Report::GpuFault { gpu: 0, fault: GpuFault::Xid(63) },
            &Report::GpuFault { gpu: 0, fault: GpuFault::Xid(79) }
        ]
    );
    assert_eq!(rig.signals.len(), 1);
    assert_eq!(rig.agent.faulty_gpus().collect::<Vec<_>>(), [(0, GpuFault::Xid(79))]);
}

#[test]
fn what_the_buyers_program_did_is_no_fault_of_the_gpu() {
    let mut rig = two_at_work();
    let programs = [8, 11, 13, 31, 32, 43, 45, 47, 65, 68, 69, 80, 108, 154].map(GpuFault::Xid);
    for mild in programs.into_iter().chain([GpuFault::Slowed(Slowdown::Heat)]) {
        fault(&mut rig, 0, mild);
    }
    assert!(rig.signals.is_empty() && rig.agent.faulty_gpus().next().is_none());
    rig.settle();
    assert_eq!(rig.last_failure(), None);
}

#[test]
fn a_failed_gpu_fails_its_task_with_what_the_driver_said() {
    for (broken, detail) in [
        (GpuFault::Xid(48), "the driver reports Xid 48"),
        (GpuFault::MemoryErrors(2), "2 errors of its memory could not be corrected"),
        (GpuFault::ResetRequired, "it must be reset before it can be used again"),
    ] {
        let mut rig = two_at_work();
        fault(&mut rig, 0, broken);
        rig.settle();
        let expected = Report::Failed(key(0), Failure::new(Cause::GpuFailed, detail));
        assert!(rig.reports.contains(&expected), "{broken:?}");
    }
}

#[test]
fn an_xid_that_asks_for_a_reset_and_an_unknown_one_are_taken_for_the_gpus_end() {
    for number in [46, 48, 62, 64, 74, 79, 95, 109, 119, 140, 156, 158, 9_999] {
        assert_eq!(GpuFault::Xid(number).severity(), Severity::HandBack, "{number}");
    }
}

#[test]
fn every_fault_has_its_own_code_and_a_hint() {
    let faults = [
        GpuFault::Lost,
        GpuFault::ResetRequired,
        GpuFault::Xid(79),
        GpuFault::MemoryErrors(1),
        GpuFault::Slowed(Slowdown::PowerSupply),
        GpuFault::Silent,
    ];
    let codes: BTreeSet<&str> = faults.iter().map(GpuFault::code).collect();
    assert_eq!(codes.len(), faults.len());
    let hinted = [&faults[..], &[GpuFault::Xid(13), GpuFault::Xid(63), GpuFault::Slowed(Slowdown::Heat)]].concat();
    assert!(hinted.iter().all(|fault| !fault.hint().is_empty() && !fault.hint().ends_with('.')));
}
