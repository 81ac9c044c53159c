use millrace_metrics::text;
use millrace_protocol::{Address, GpuUnits, MicroUsdc, PricePerGpuHour, Seconds, UnixSeconds};

use super::families::registry;
use crate::status::{
    GpuStatus, GpuUsage, LeaseStatus, LinkStatus, Status, StorageStatus, TaskStatus, Totals, Trouble, Unfit,
};

fn status() -> Status {
    let task = |task, phase: &str| TaskStatus {
        job: Address([4; 32]),
        lease: Address([3; 32]),
        task,
        attempt: 1,
        image: "millrace/povray:1".to_owned(),
        phase: phase.to_owned(),
        running_since: None,
    };
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
        milliwatts: Some(412_500),
        celsius: Some(71),
    };
    let silent = GpuStatus {
        uuid: String::new(),
        simulated: true,
        lease: None,
        fault: Some("it has fallen off the bus".to_owned()),
        busy_percent: None,
        memory_used_mib: None,
        milliwatts: None,
        celsius: None,
        ..gpu.clone()
    };
    Status {
        version: "0.1.0".to_owned(),
        node: Address([1; 32]),
        node_key: Address([2; 32]),
        at: UnixSeconds(1_000_000),
        started_at: UnixSeconds(990_000),
        link: LinkStatus { orchestrator: "http://m:1".to_owned(), connected: true, since: UnixSeconds(999_000) },
        draining: true,
        told_to_drain: true,
        unfit: vec![Unfit { code: "gpu-faulty".to_owned(), cause: String::new(), hint: String::new() }],
        gpu_links: vec![],
        gpus: vec![gpu, silent],
        leases: vec![LeaseStatus {
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
                energy_millijoules: Some(1_512_000_500),
                peak_milliwatts: Some(430_000),
                power_unknown: vec![],
            }),
        }],
        votes: vec![],
        tasks: vec![task(0, "done"), task(1, "running"), task(2, "running"), task(3, "assigned")],
        storage: StorageStatus {
            data_dir: "/var/lib/millrace".into(),
            free_bytes: 1_000,
            reserve_bytes: 200,
            input_cache_bytes: 30,
            input_cache_limit_bytes: 40,
            images_kept: 3,
            image_cache_bytes: 50,
            image_cache_limit_bytes: 60,
        },
        bids: Vec::new(),
        totals: Totals {
            connections: 2,
            offers_accepted: 9,
            offers_refused: 3,
            tasks_done: 12,
            tasks_failed: 1,
            leases_closed: 5,
            // More than a 64-bit float holds exactly.
            earned: MicroUsdc(9_007_199_254_740_993),
        },
        troubles: vec![Trouble {
            at: UnixSeconds(1),
            times: 3,
            code: "link-broken".to_owned(),
            cause: String::new(),
            hint: String::new(),
        }],
    }
}

#[test]
fn a_scrape_is_as_reviewed() {
    // Samples of one metric come in any order.
    let mut lines: Vec<String> = text(&registry(&status())).lines().map(str::to_owned).collect();
    lines.chunk_by_mut(|a, b| a.starts_with('#') == b.starts_with('#')).for_each(|metric| {
        if !metric[0].starts_with('#') {
            metric.sort_unstable();
        }
    });
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_nobody_tells_of_a_leases_gpus_has_no_value() {
    let mut status = status();
    status.leases[0].gpu_usage = Some(GpuUsage { measured_gpu_milliseconds: 1_500, ..GpuUsage::default() });
    let samples = |status: &Status| {
        let text = text(&registry(status));
        let samples = text.lines().filter_map(|line| line.strip_prefix("millrace_worker_lease_gpu_"));
        samples.filter_map(|line| Some(line.split_once('{')?.0.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(samples(&status), ["measured_seconds_total"]);
    status.leases[0].gpu_usage = None;
    assert!(samples(&status).is_empty());
}

/// Each metric has its line in the table of docs/worker.md, and the table names no other.
#[test]
fn every_metric_is_documented() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/worker.md")).unwrap();
    let documented: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `millrace_worker_")?.split('`').next())
        .map(|name| name.split('{').next().unwrap_or(name))
        .collect();
    let text = text(&registry(&status()));
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let mut served: Vec<&str> =
        samples.filter_map(|line| line.strip_prefix("millrace_worker_")?.split(['{', ' ']).next()).collect();
    served.dedup();
    let (mut documented, mut served) = (documented, served);
    documented.sort_unstable();
    served.sort_unstable();
    assert_eq!(documented, served);
}
