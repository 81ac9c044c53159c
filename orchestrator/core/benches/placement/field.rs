//! Nodes, providers and tasks at random, the same ones each time.

use millrace_protocol::{
    Address, GpuUnits, Hardware, HardwareAttestation, HardwareClass, Job, JobTerms, MicroUsdc, Node, NodeStatus,
    Parameters, Payment, PricePerGpuHour, Provider, Reputation, Requirements, Seconds, ServiceLevel, Stake,
    UnixSeconds, Verification,
};
use millrace_scheduler::{Core, DrawSecret, Event, JobView, NodeView, Now, Placement, Settings, Weights, Workload};
use millrace_spec::{Version, sha256};

pub use crate::dice::Dice;

pub const SEED: u64 = 0x6d69_6c6c_7261_6365;
const START: u64 = 1_800_000_000;
const MODELS: u64 = 20;
const IMAGES: u64 = 100;
pub const MIXES: u64 = 2_000;

pub const NOW: Now = Now { millis: START * 1_000, chain: UnixSeconds(START) };

/// A scheduler that knows the network's parameters and nobody yet.
pub fn core() -> Core {
    let settings = Settings {
        program: Address::default(),
        attestor: address(b'A', 0),
        heartbeat_millis: 10_000,
        weights: Weights::default(),
        draw_secret: DrawSecret([0; 32]),
        keep_jobs: Seconds(30 * 86_400),
    };
    let mut core = Core::new(settings);
    core.on_event(NOW, Event::ParametersSeen(Parameters::default()));
    core
}

/// An address as keys have them: no two begin alike.
pub fn address(kind: u8, number: u64) -> Address {
    let mut dice = Dice(SEED ^ (u64::from(kind) << 56) ^ number);
    let mut bytes = [0; 32];
    bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&dice.roll(u64::MAX).to_le_bytes()));
    Address(bytes)
}

pub fn image(number: u64) -> String {
    format!("registry.example/team/image-{number:03}:1")
}

/// Images of a node, the first ones more often.
pub fn images(dice: &mut Dice) -> Vec<String> {
    (0..4)
        .map(|_| {
            let most = dice.roll(IMAGES) + 1;
            image(dice.roll(most))
        })
        .collect()
}

fn country(region: u8, place: u8) -> [u8; 2] {
    [b'A' + region, b'A' + place]
}

/// What a GPU hour of the model costs, in micro-USDC, before each node's own idea.
fn usual_price(model: u8) -> u64 {
    100_000 + 90_000 * u64::from(model)
}

pub fn view(dice: &mut Dice, provider: Address) -> NodeView {
    let model = 1 + dice.small(20);
    let large = dice.often(40);
    let count = if large { 8 } else { 1 };
    let region = dice.small(12);
    let price = usual_price(model) * (80 + dice.roll(60)) / 100 + dice.roll(1_000);
    let level = [ServiceLevel::None, ServiceLevel::Silver, ServiceLevel::Gold][usize::from(dice.small(3))];
    NodeView {
        provider,
        key: provider,
        node: Node {
            hardware: Hardware {
                gpu_class: model,
                gpu_count: count,
                vram_mib: 8_192 * (1 + u32::from(model) / 3),
                cpu_cores: 8 * count + 8,
                memory_mib: 65_536 * u32::from(count),
                disk_mib: 1_000_000,
                region,
                country: country(region, dice.small(5)),
                simulated: false,
            },
            price: PricePerGpuHour(price),
            spot_price: PricePerGpuHour(if dice.often(60) { price * 6 / 10 } else { 0 }),
            service_level: level,
            attestation: HardwareAttestation {
                class: if dice.often(50) { HardwareClass::Challenged } else { HardwareClass::Claimed },
                expires_at: UnixSeconds(START + 1_000_000),
            },
            leased: GpuUnits::ZERO,
            status: NodeStatus::Active,
        },
        driver: Version(550_054),
        cuda: Version(12_004),
    }
}

pub fn provider(dice: &mut Dice) -> Provider {
    let stake = MicroUsdc(10_000_000_000_000);
    Provider {
        stake: Stake { total: stake, paid_in: stake, ..Stake::default() },
        reputation: Reputation {
            good: MicroUsdc(dice.roll(50_000_000)),
            bad: MicroUsdc(dice.roll(1_500_000)),
            updated_at: UnixSeconds(START - 1_000),
        },
        nodes: 10,
        ..Provider::default()
    }
}

/// A job as the chain has it.
pub fn job_view(number: u64, buyer: Address, job: Job) -> JobView {
    JobView {
        buyer,
        funder: buyer,
        delegate: None,
        attestor: None,
        id: number,
        opened_slot: number,
        opened_at: NOW.chain,
        spec_hash: sha256(&number.to_le_bytes()),
        quorum_round: 0,
        quorum_open: false,
        job,
    }
}

/// One of [`MIXES`] kinds of tasks: terms of a job with one lease at a time, and its workload.
pub fn mix(number: u64, tasks: u32) -> (JobTerms, Workload) {
    let mut dice = Dice(SEED.wrapping_mul(number + 1));
    let first = 1 + dice.small(20);
    let models: Vec<u8> = (0..=dice.small(3)).map(|more| 1 + (first - 1 + more) % 20).collect();
    let any_model = dice.often(10);
    let regions = if dice.often(50) { 0 } else { (0..=dice.small(3)).fold(0, |mask, _| mask | 1 << dice.small(12)) };
    let units = [1, 1, 1, 1, 1, 1, 2, 2, 4, 8][usize::from(dice.small(10))];
    let dearest = models.iter().map(|model| usual_price(*model)).max().unwrap_or(0);
    let in_country = regions == 0 && dice.often(20);
    let terms = JobTerms {
        requirements: Requirements {
            gpu_classes: if any_model { 0 } else { models.iter().fold(0, |mask, model| mask | 1 << model) },
            vram_mib: if dice.often(50) { 8_192 } else { 0 },
            units: GpuUnits(units),
            regions,
            accept_simulated: false,
        },
        maximum_price: PricePerGpuHour(dearest * (100 + dice.roll(40)) / 100),
        concurrent_leases: 1,
        lease_seconds: Seconds(3_600),
        start_window: Seconds(86_400),
        retries: 2,
        deposit: MicroUsdc(1_000_000_000_000),
        spot: dice.often(20),
        service_level: if dice.often(10) { ServiceLevel::Silver } else { ServiceLevel::None },
        payment: Payment::Streaming,
        verification: if dice.often(5) {
            Verification::AttestedHardware { class: HardwareClass::Challenged }
        } else {
            Verification::Attested
        },
        dispute_window: Seconds::ZERO,
    };
    let size = 1 + u32::from(dice.small(4));
    let most = dice.roll(IMAGES) + 1;
    let workload = Workload {
        name: "bench".to_owned(),
        tasks,
        task_retries: 1,
        task_seconds: None,
        cpu_milli: 1_000 * size * u32::from(units),
        memory_mib: 8_192 * size * u32::from(units),
        disk_mib: 10_000 * size,
        image: image(dice.roll(most)),
        shape: None,
        after: Vec::new(),
        retry: None,
        runtime: None,
        placement: Placement {
            countries: if in_country { vec![country(dice.small(12), dice.small(5))] } else { Vec::new() },
            ..Placement::default()
        },
    };
    assert!(u64::from(first) <= MODELS, "a model that no node has");
    (terms, workload)
}
