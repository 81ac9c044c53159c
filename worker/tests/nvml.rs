//! The GPUs as NVML tells them: through the library's real loading, from a stand-in of the tests' own.

use std::path::Path;
use std::time::Duration;

use millrace_agent::{GpuFault, Slowdown};
use millrace_worker::gpu::nvml::{Driver, inventory};
use millrace_worker::gpu::{self, Fault, Inventory, Memory, Monitor, Reading, Sample, Software};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::support::nvml_stub::{NvmlStub, gpu, slice};

fn sample(stub: &NvmlStub, of: usize) -> Sample {
    let all = inventory(&NvmlStub::build(&[]).library());
    Driver::load(&stub.library()).unwrap().sample(&all.gpus[of])
}

#[test]
fn eight_gpus_with_their_memory_slots_and_software() {
    let stub = NvmlStub::build(&[]);
    let found = inventory(&stub.library());
    assert_eq!((found.gpus.len(), found.unusable.len(), found.simulated, &found.absence), (8, 0, false, &None));
    assert_eq!(found.software, Some(Software { driver: "570.86.15".into(), cuda: "12.8".into() }));
    for (number, found) in (0..).zip(&found.gpus) {
        assert_eq!((found.uuid.as_str(), found.board()), (gpu(number).as_str(), gpu(number).as_str()));
        assert_eq!((found.model.as_str(), found.vram_mib, &found.slice), ("a100-80gb", 81_920, &None));
        let pcie = found.pcie.clone().unwrap();
        assert_eq!(pcie.address, format!("00000000:{:02X}:00.0", 0x10 + number));
        assert_eq!((pcie.generation, pcie.width), (Some(4), Some(16)));
        assert_eq!(found.minor, Some(u32::from(number) ^ 1), "not its place in the list");
    }
}

fn link(found: &Inventory, left: u8, right: u8) -> (u8, Option<gpu::Path>) {
    let link = found.links.iter().find(|link| link.between == [gpu(left), gpu(right)]).expect("a pair");
    (link.nvlinks, link.path)
}

#[test]
fn every_pair_of_gpus_with_its_links() {
    let found = inventory(&NvmlStub::build(&[]).library());
    assert_eq!(found.links.len(), 28);
    // Three go to the switch: one of the seven is down.
    assert_eq!(link(&found, 0, 1), (2 + 4, Some(gpu::Path::Switch)));
    assert_eq!(link(&found, 0, 2), (4, Some(gpu::Path::HostBridge)));
    assert_eq!(link(&found, 3, 4), (4, Some(gpu::Path::System)));

    let plain = inventory(&NvmlStub::build(&["PLAIN", "GPUS=2"]).library());
    assert_eq!(plain.gpus[0].model, "rtx-4090");
    assert_eq!(link(&plain, 0, 1), (0, Some(gpu::Path::Switch)));
}

#[test]
fn slices_stand_in_place_of_a_gpu_that_is_cut() {
    let found = inventory(&NvmlStub::build(&["MIG=6"]).library());
    let slices: Vec<_> = found.gpus.iter().skip(6).collect();
    assert_eq!(found.gpus.len(), 6 + 3);
    let expected = [(1, "1g.10gb", 9_728), (2, "1g.10gb", 9_728), (4, "3g.40gb", 40_448)];
    for (found, (number, profile, vram_mib)) in slices.iter().zip(expected) {
        let of = found.slice.as_ref().unwrap();
        assert_eq!((found.uuid.clone(), found.vram_mib), (slice(6, number), vram_mib));
        assert_eq!((of.profile.as_str(), &of.of, found.board()), (profile, &gpu(6), gpu(6).as_str()));
        assert_eq!(found.minor, Some(7), "its whole GPU's");
    }
    assert!(found.summary().contains("a100-80gb 3g.40gb 40448 MiB"), "{}", found.summary());
    assert_eq!(found.unusable, ["GPU 7: MIG is on, and it has no slices"]);
}

#[test]
fn a_broken_gpu_does_not_hide_the_others() {
    let stub = NvmlStub::build(&[]);
    stub.say("lost 2\nreset 5\n");
    let found = inventory(&stub.library());
    assert_eq!(found.gpus.iter().map(|gpu| gpu.uuid.clone()).collect::<Vec<_>>(), [0, 1, 3, 4, 6, 7].map(gpu));
    assert_eq!(found.unusable.len(), 2);
    assert!(found.unusable[0].starts_with("GPU 2: ") && found.unusable[1].starts_with("GPU 5: "));
}

#[test]
fn without_a_driver_there_is_one_line_that_says_why() {
    let line = |library: &Path| inventory(library).absence.unwrap();
    assert_eq!(
        line(Path::new("/nowhere/libnvidia-ml.so.1")),
        "no NVIDIA GPUs: /nowhere/libnvidia-ml.so.1 was not found"
    );
    assert_eq!(line(&NvmlStub::build(&["GPUS=0"]).library()), "no NVIDIA GPUs: the driver lists none");
    let unloaded = line(&NvmlStub::build(&["INIT=9"]).library());
    assert!(unloaded.starts_with("no NVIDIA GPUs: ") && unloaded.contains("driver"), "{unloaded}");
}

#[test]
fn a_reading_has_load_power_heat_and_memory_errors() {
    let stub = NvmlStub::build(&[]);
    stub.say("ecc 1 3\nhot 1\n");
    let expected = Reading {
        memory: Memory { used_mib: 1_024, total_mib: 81_920 },
        busy_percent: Some(91),
        memory_busy_percent: Some(40),
        milliwatts: Some(300_001),
        millijoules: Some(5_000_000_000),
        celsius: Some(61),
        slows_at_celsius: Some(89),
        too_hot: true,
        power_braked: false,
        corrected_errors: Some(7),
        uncorrected_errors: Some(3),
    };
    assert_eq!(sample(&stub, 1), Sample::Read(expected));
    let Sample::Read(plain) = sample(&NvmlStub::build(&["PLAIN"]), 0) else { panic!("no reading") };
    assert_eq!((plain.uncorrected_errors, plain.celsius), (None, Some(60)), "what it does not know it does not invent");
}

#[test]
fn a_slices_memory_is_its_own_and_the_rest_its_boards() {
    let stub = NvmlStub::build(&["MIG=6"]);
    let slices = inventory(&stub.library());
    let Sample::Read(reading) = Driver::load(&stub.library()).unwrap().sample(&slices.gpus[8]) else {
        panic!("no reading")
    };
    assert_eq!((reading.memory.total_mib, reading.busy_percent), (40_448, Some(96)));
}

#[test]
fn each_way_a_gpu_fails_to_answer_is_told_apart() {
    let stub = NvmlStub::build(&[]);
    stub.say("lost 0\ngone 1\nreset 2\nbroken 3\n");
    assert_eq!([0, 1, 2].map(|of| sample(&stub, of)), [Sample::Lost, Sample::Lost, Sample::ResetRequired]);
    assert!(matches!(sample(&stub, 3), Sample::Unknown(_)));
    assert!(matches!(sample(&stub, 4), Sample::Read(_)));
}

fn watched(stub: &NvmlStub) -> (Monitor, UnboundedReceiver<Fault>) {
    let (faults, heard) = unbounded_channel();
    (Monitor::start(stub.library(), inventory(&stub.library()).gpus, faults), heard)
}

async fn next(heard: &mut UnboundedReceiver<Fault>) -> Fault {
    tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.expect("nobody noticed").unwrap()
}

#[tokio::test]
async fn xid_errors_arrive_as_events() {
    let stub = NvmlStub::build(&[]);
    let (_monitor, mut heard) = watched(&stub);
    stub.say("xid 4 13\nxid 2 79\n");
    assert_eq!(next(&mut heard).await, (4, GpuFault::Xid(13)));
    assert_eq!(next(&mut heard).await, (2, GpuFault::Xid(79)));
}

#[tokio::test]
async fn an_xid_of_a_board_is_one_of_all_its_slices() {
    let stub = NvmlStub::build(&["MIG=6"]);
    let (_monitor, mut heard) = watched(&stub);
    stub.say("xid 6 79\n");
    for position in [6, 7, 8] {
        assert_eq!(next(&mut heard).await, (position, GpuFault::Xid(79)));
    }
}

#[tokio::test]
async fn a_gpu_without_events_does_not_silence_the_others() {
    let stub = NvmlStub::build(&["DEAF"]);
    let (_monitor, mut heard) = watched(&stub);
    stub.say("xid 0 79\nxid 1 48\n");
    assert_eq!(next(&mut heard).await, (1, GpuFault::Xid(48)));
}

#[tokio::test]
async fn a_gpu_that_vanishes_is_noticed_at_once_where_the_driver_says_so() {
    let stub = NvmlStub::build(&[]);
    let (monitor, mut heard) = watched(&stub);
    assert_eq!(monitor.failure_of(&[0, 1, 2, 3, 4, 5, 6, 7]).await, None);
    stub.say("lost 3\n");
    assert_eq!(next(&mut heard).await, (3, GpuFault::Lost));
    assert_eq!(monitor.failure_of(&[2, 3]).await, Some(GpuFault::Lost));
    assert_eq!(monitor.failure_of(&[2, 4]).await, None, "another lease's GPUs");
    stub.say("lost 3\nxid 4 48\n");
    assert_eq!(next(&mut heard).await, (4, GpuFault::Xid(48)), "the others are still listened to");
}

#[tokio::test]
async fn a_driver_that_hangs_is_waited_for_so_long_and_is_a_fault_then() {
    let stub = NvmlStub::build(&[]);
    let (monitor, mut heard) = watched(&stub);
    assert_eq!(monitor.failure_of(&[1]).await, None);
    stub.say("hung 1\n");
    assert_eq!(monitor.failure_of(&[1, 2]).await, Some(GpuFault::Silent));
    assert_eq!([heard.recv().await, heard.recv().await], [1, 2].map(|gpu| Some((gpu, GpuFault::Silent))));
    stub.say("");
}

#[tokio::test]
async fn a_look_on_request_sees_what_no_event_told() {
    let stub = NvmlStub::build(&[]);
    let (monitor, mut heard) = watched(&stub);
    assert_eq!(monitor.failure_of(&[5]).await, None);
    stub.say("gone 5\n");
    assert_eq!(monitor.failure_of(&[5]).await, Some(GpuFault::Lost), "before five seconds are over");
    assert_eq!(next(&mut heard).await, (5, GpuFault::Lost));
    stub.say("gone 5\necc 1 2\n");
    assert_eq!(monitor.failure_of(&[1]).await, Some(GpuFault::MemoryErrors(2)));
    stub.say("hot 0\n");
    for _ in 0..2 {
        assert_eq!(monitor.failure_of(&[0]).await, None, "it is slow, not wrong");
    }
    loop {
        if next(&mut heard).await == (0, GpuFault::Slowed(Slowdown::Heat)) {
            break;
        }
    }
}

#[tokio::test]
async fn a_monitor_whose_driver_is_gone_blames_nobody() {
    let (faults, mut heard) = unbounded_channel();
    let monitor = Monitor::start("/nowhere/libnvidia-ml.so.1".into(), vec![gpu::Gpu::default()], faults);
    assert_eq!(monitor.failure_of(&[0]).await, None);
    assert_eq!(heard.recv().await, None);
}
