use std::collections::BTreeSet;

use millrace_protocol::Diagnostic;

use crate::{Cause, Failure, Fault, Round, Setback, SetbackCause};

const ALL: [Cause; 33] = [
    Cause::ImageMissing,
    Cause::PullFailed,
    Cause::ImageSlow,
    Cause::ImageTooLarge,
    Cause::ImageInvalid,
    Cause::ImageUnfit,
    Cause::RegistryForbidden,
    Cause::InputUnavailable,
    Cause::InputSlow,
    Cause::InputCorrupt,
    Cause::SecretsMissing,
    Cause::RegistryRefused,
    Cause::InputSealed,
    Cause::DiskFull,
    Cause::CreateFailed,
    Cause::CreateSlow,
    Cause::StartFailed,
    Cause::CommandMissing,
    Cause::ExitCode(1),
    Cause::OutOfMemory,
    Cause::TimedOut,
    Cause::OutputInvalid,
    Cause::UploadFailed,
    Cause::ContainerLost,
    Cause::GpuLost,
    Cause::GpuFailed,
    Cause::NetworkUnfenced,
    Cause::NameUnknown,
    Cause::LookupFailed,
    Cause::LeaseUnknown,
    Cause::TasksTooMany,
    Cause::Stopped,
    Cause::Preempted,
];

#[test]
fn every_cause_has_its_own_code_and_a_hint() {
    let codes: BTreeSet<&str> = ALL.iter().map(Cause::code).collect();
    assert_eq!(codes.len(), ALL.len());
    assert!(ALL.iter().all(|cause| !cause.hint().is_empty() && !cause.hint().ends_with('.')));
}

#[test]
fn a_buyer_answers_for_the_job_and_a_node_for_the_rig() {
    let of = |fault: Fault| ALL.iter().filter(|cause| cause.fault() == fault).count();
    assert_eq!((of(Fault::Buyer), of(Fault::Node), of(Fault::Nobody)), (15, 15, 3));
    assert_eq!(Cause::DiskFull.fault(), Fault::Node);
    assert_eq!(Cause::OutOfMemory.fault(), Fault::Buyer);
}

#[test]
fn a_failure_reads_as_cause_and_detail() {
    assert_eq!(Failure::from(Cause::ExitCode(2)).to_string(), "the container exited with status 2");
    let failure = Failure::new(Cause::OutputInvalid, "a is a link");
    assert_eq!(failure.to_string(), "the outputs are not acceptable: a is a link");
}

#[test]
fn a_setback_has_a_code_of_its_own_a_hint_and_says_what_was_found() {
    let all = [
        SetbackCause::CheckpointInvalid,
        SetbackCause::CheckpointFailed,
        SetbackCause::CheckpointLate,
        SetbackCause::CheckpointLost,
        SetbackCause::CheckpointSlow,
        SetbackCause::OutputsInvalid,
        SetbackCause::OutputsFailed,
        SetbackCause::OutputsSlow,
    ];
    let codes: BTreeSet<&str> = all.iter().map(SetbackCause::code).chain(ALL.iter().map(Cause::code)).collect();
    assert_eq!(codes.len(), all.len() + ALL.len());
    assert!(all.iter().all(|cause| !cause.hint().is_empty() && !cause.hint().ends_with('.')));
    let invalid = Failure::new(Cause::OutputInvalid, "a is a link");
    let of = |round| Setback::of(round, &invalid).to_string();
    assert_eq!(of(Round::Checkpoint), "what lies in /checkpoint cannot be kept: a is a link");
    assert_eq!(of(Round::Outputs), "what lies in /outputs could be no result: a is a link");
    let full = Setback::of(Round::Outputs, &Cause::DiskFull.into());
    assert_eq!((full.cause, full.detail.as_str()), (SetbackCause::OutputsFailed, "the rig's disk is full"));
}
