use millrace_protocol::{Address, GpuUnits, MicroUsdc, PricePerGpuHour};
use millrace_worker::status::{GpuLink, GpuPath, GpuUsage, LinkStatus, StorageStatus, Totals};

use super::*;

/// A rig with nothing to do, and nothing to complain about.
pub fn idle() -> Status {
    Status {
        version: "0.1.0".to_owned(),
        node: Address([1; 32]),
        node_key: Address([2; 32]),
        at: UnixSeconds(1_000_000),
        started_at: UnixSeconds(990_000),
        link: LinkStatus {
            orchestrator: "http://market.example:7071".to_owned(),
            connected: true,
            since: UnixSeconds(999_000),
        },
        draining: false,
        told_to_drain: false,
        unfit: vec![],
        gpus: vec![],
        gpu_links: vec![],
        leases: vec![],
        votes: vec![],
        tasks: vec![],
        storage: StorageStatus {
            data_dir: "/var/lib/millrace".into(),
            free_bytes: 120 << 30,
            reserve_bytes: 512 << 20,
            input_cache_bytes: 1_610_612_736,
            input_cache_limit_bytes: 20 << 30,
            images_kept: 4,
            image_cache_bytes: 12 << 30,
            image_cache_limit_bytes: 50 << 30,
        },
        bids: Vec::new(),
        totals: Totals::default(),
        troubles: vec![],
    }
}

/// What a GPU that is gone is for its rig.
pub fn lost_gpu() -> Unfit {
    Unfit {
        code: "gpu-off-the-bus".to_owned(),
        cause: "GPU 1: it has fallen off the bus".to_owned(),
        hint: "reset the GPU or restart the rig, then start the worker again".to_owned(),
    }
}

/// A rig at work that has seen better days.
pub fn busy() -> Status {
    let gpu = GpuStatus {
        uuid: "GPU-1".to_owned(),
        model: "rtx-4090".to_owned(),
        vram_mib: 24_576,
        slice: None,
        simulated: false,
        lease: Some(Address([3; 32])),
        fault: None,
        busy_percent: Some(97),
        memory_used_mib: Some(8_192),
        milliwatts: Some(412_345),
        celsius: Some(71),
    };
    let broken = GpuStatus { lease: None, fault: Some("it has fallen off the bus".to_owned()), ..gpu.clone() };
    let lease = LeaseStatus {
        lease: Address([3; 32]),
        job: Address([4; 32]),
        phase: "held".to_owned(),
        gpus: vec![0],
        price: PricePerGpuHour(400_000),
        units: GpuUnits(1),
        maximum: Seconds(7_200),
        accepted_at: UnixSeconds(996_000),
        attested: Seconds(3_600),
        earned: MicroUsdc(400_000),
        redeemed: MicroUsdc(300_000),
        unredeemed: MicroUsdc(100_000),
        voucher: Some(360),
        gpu_usage: Some(GpuUsage {
            measured_gpu_milliseconds: 3_600_000,
            busy_percent: Some(87),
            energy_millijoules: Some(1_512_000_000),
            peak_milliwatts: Some(430_000),
            power_unknown: vec![],
        }),
    };
    let task = |task, phase: &str, running_since| TaskStatus {
        job: Address([4; 32]),
        lease: Address([3; 32]),
        task,
        attempt: 1,
        image: "millrace/povray:1".to_owned(),
        phase: phase.to_owned(),
        running_since,
    };
    let trouble = Trouble {
        at: UnixSeconds(999_940),
        times: 3,
        code: "link-broken".to_owned(),
        cause: "the orchestrator closed the link".to_owned(),
        hint: "nothing to do".to_owned(),
    };
    Status {
        link: LinkStatus { connected: false, since: UnixSeconds(999_940), ..idle().link },
        draining: true,
        told_to_drain: true,
        unfit: vec![lost_gpu()],
        gpu_links: vec![GpuLink { between: [0, 1], nvlinks: 4, path: Some(GpuPath::Switch) }],
        gpus: vec![gpu.clone(), broken, GpuStatus { slice: Some("1g.10gb".to_owned()), lease: None, ..gpu }],
        leases: vec![lease],
        votes: vec![
            VoteStatus {
                lease: Address([5; 32]),
                job: Some(Address([6; 32])),
                committed: Some(true),
                until: Some(UnixSeconds(1_000_540)),
            },
            VoteStatus { lease: Address([7; 32]), job: None, committed: None, until: None },
        ],
        tasks: vec![task(0, "done", None), task(1, "running", Some(UnixSeconds(999_000))), task(2, "assigned", None)],
        bids: Vec::new(),
        totals: Totals { leases_closed: 1, earned: MicroUsdc(1_234_567), tasks_done: 12, ..Totals::default() },
        troubles: vec![trouble],
        ..idle()
    }
}

#[test]
fn sizes_are_rounded_down() {
    for (size, text) in
        [(0, "0 B"), (1_023, "1023 B"), (1_536, "1.5 KiB"), (20 << 30, "20.0 GiB"), (2 << 40, "2.0 TiB")]
    {
        assert_eq!(bytes(size), text);
    }
}

#[test]
fn a_lease_of_processors_has_no_gpus() {
    assert_eq!(positions(&[]), "-");
    assert_eq!(positions(&[0, 3]), "0, 3");
}
