use std::collections::BTreeMap;

use millrace_protocol::{
    GpuUnits, JobTerms, MicroUsdc, Payment, PricePerGpuHour, Requirements, Seconds, ServiceLevel, Verification,
};
use millrace_spec::{JobSpec, Limits, ObjectRef, Sha256};

use super::rig::*;
use crate::Assignment;

pub fn spec() -> JobSpec {
    JobSpec {
        after: None,
        checkpoint: None,
        command: vec!["render".into(), "+SF{task1}".into(), "{task}".into()],
        egress: Vec::new(),
        env: BTreeMap::from([("QUALITY".into(), "9".into())]),
        finish_on_notice: false,
        image: "povray:1".into(),
        inputs: BTreeMap::from([("scene.pov".into(), ObjectRef { sha256: Sha256([1; 32]), size: 40 })]),
        limits: Limits { cpu_milli: 1_500, disk_mib: 10, memory_mib: 256, pids: 32, task_seconds: 60 },
        name: "render".into(),
        network: false,
        outputs: None,
        placement: None,
        retry: None,
        runtime: None,
        sealed: None,
        shape: None,
        task_retries: 1,
        tasks: 24,
        terms: JobTerms {
            requirements: Requirements {
                gpu_classes: 0,
                vram_mib: 0,
                units: GpuUnits(2),
                regions: 0,
                accept_simulated: true,
            },
            maximum_price: PricePerGpuHour(1),
            concurrent_leases: 1,
            lease_seconds: Seconds(600),
            start_window: Seconds(60),
            retries: 0,
            deposit: MicroUsdc(1),
            spot: false,
            service_level: ServiceLevel::None,
            payment: Payment::Streaming,
            verification: Verification::Attested,
            dispute_window: Seconds::ZERO,
        },
    }
}

#[test]
fn a_task_takes_everything_from_the_spec_and_its_own_number() {
    let assignment = Assignment::from_spec(key(4), JOB, &spec());
    assert_eq!(assignment.command, ["render", "+SF5", "4"]);
    assert_eq!((assignment.task_count, assignment.gpus), (24, 2));
    assert_eq!(assignment.limits.output_bytes, 10 * 1_048_576 - 40, "what its inputs leave");
    assert_eq!(assignment.limits.time, Seconds(60));
    assert_eq!(assignment.input_bytes(), 40);
}

#[test]
fn the_journal_reads_back_what_it_wrote() {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.settle();
    rig.event(voucher(1, 10, false));
    rig.event(crate::Event::EndLease(LEASE));
    for record in &rig.journal {
        let text = serde_json::to_string(record).unwrap();
        assert_eq!(&serde_json::from_str::<crate::Record>(&text).unwrap(), record, "{text}");
    }
}
