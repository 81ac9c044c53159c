//! What a seed means: a market, its jobs, its liars, and what goes wrong when.

mod shapes;

use std::collections::BTreeMap;

use millrace_protocol::transitions::JobExtension;
use millrace_protocol::{
    BasisPoints, GpuUnits, Hardware, HardwareClass, JobTerms, MicroUsdc, Parameters, Payment, PricePerGpuHour,
    Requirements, Seconds, ServiceLevel, Verification,
};
use millrace_spec::{Checkpointing, EarlyOutputs, Gang, JobSpec, Limits, Locality, Shape};
use serde::{Deserialize, Serialize};

use crate::draw::Draw;
use crate::sabotage::Sabotage;

/// What a rig is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Character {
    Honest,
    /// Says that work is done which it has not begun, and delivers nothing.
    Idler,
    /// Delivers something else than it made, and names a wrong root.
    Forger,
    /// Registered hardware that it does not have: no container starts.
    Boaster,
    /// Speaks of leases and tasks of others, and brings vouchers nobody signed.
    Impostor,
    /// Does not stop what it is told to stop.
    Stubborn,
    /// Takes leases and says nothing more about them.
    Mute,
    /// Delivers what is not the task's result, and stands by it.
    Cheat,
}

#[derive(Clone, Debug)]
pub struct RigPlan {
    pub provider: usize,
    pub hardware: Hardware,
    pub price: PricePerGpuHour,
    /// How far its clock is ahead, in milliseconds.
    pub skew: i64,
    pub character: Character,
}

/// What a job's container does.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Least and most milliseconds of one task.
    pub millis: (u64, u64),
    /// How often of a thousand times a task exits with an error.
    pub fails: u32,
}

/// What the buyer says to a report that may be disputed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Nothing,
    Accepts,
    Disputes,
}

#[derive(Clone, Debug)]
pub struct JobPlan {
    pub at: u64,
    pub buyer: usize,
    pub terms: JobTerms,
    pub spec: JobSpec,
    pub work: Work,
    /// Each so many milliseconds after its opening. Some come when it is over.
    pub extensions: Vec<(u64, JobExtension)>,
    /// Milliseconds after its opening.
    pub cancelled_after: Option<u64>,
    pub word: Word,
}

impl JobPlan {
    /// Fewer GPUs, where it asks for more.
    pub(crate) fn ask_at_most(&mut self, units: GpuUnits) {
        let units = units.min(self.terms.requirements.units);
        self.terms.requirements.units = units;
        self.spec.terms.requirements.units = units;
    }

    /// A share of its tasks runs again. The window is long enough for that.
    pub(crate) fn ask_for_spot_checks(&mut self, share: BasisPoints, start_timeout: Seconds) {
        self.terms.verification = Verification::SpotCheck { share };
        self.terms.dispute_window = Seconds(self.terms.lease_seconds.0 + start_timeout.0 + 300);
        self.spec.checkpoint = None;
        self.spec.terms = self.terms;
    }

    /// Only rigs that have answered the network's challenge may take it.
    pub(crate) fn ask_for_attested_hardware(&mut self) {
        let verification = Verification::AttestedHardware { class: HardwareClass::Challenged };
        self.terms.verification = verification;
        self.spec.terms.verification = verification;
    }
}

/// Something that goes wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    OrchestratorDies,
    WorkerDies {
        rig: usize,
    },
    /// With everything that runs on it.
    RigLosesPower {
        rig: usize,
    },
    /// And its disk with it: journal, containers and images.
    RigLosesDisk {
        rig: usize,
    },
    /// Nothing gets through between the rig and the orchestrator.
    Partition {
        rig: usize,
    },
    PartitionOfAll,
    /// The stream ends, and a new one may begin at once.
    LinkBreaks {
        rig: usize,
    },
    /// The worker's process stands still.
    WorkerHangs {
        rig: usize,
    },
    /// The orchestrator's endpoints answer nothing.
    ChainUnreachable,
    /// No slots.
    ChainStands,
    /// The chain's clock falls further behind, and catches up in one leap.
    ChainClockLags,
    /// Slots are taken back again and again.
    Forks,
    /// The orchestrator's disk takes seconds for a write.
    DiskSlow,
    ProviderDrains {
        provider: usize,
    },
    /// The rig takes no further lease, by what its owner told the worker.
    OwnerDrains {
        rig: usize,
    },
}

#[derive(Clone, Copy, Debug)]
pub struct FaultPlan {
    pub at: u64,
    pub lasts: u64,
    pub fault: Fault,
}

/// What may go wrong at any time, in thousandths.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// Most milliseconds of a message's way.
    pub delay: u64,
    pub messages_lost: u32,
    pub messages_twice: u32,
    pub messages_swapped: u32,
    pub transactions_lost: u32,
    pub transactions_twice: u32,
    pub notifications_lost: u32,
    pub pulls_fail: u32,
    pub steps_fail: u32,
    /// Most milliseconds of a pull.
    pub pull: u64,
    /// A worker dies between two of its own steps.
    pub worker_dies_within: u32,
    pub specs_fail: u32,
    /// Milliseconds that the chain's clock is behind everybody's.
    pub chain_behind: u64,
}

/// The whole story before it happens.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub seed: u64,
    /// Milliseconds in which jobs come and things go wrong; afterwards all is well.
    pub lasts: u64,
    pub parameters: Parameters,
    pub heartbeat_millis: u64,
    pub rigs: Vec<RigPlan>,
    pub jobs: Vec<JobPlan>,
    pub faults: Vec<FaultPlan>,
    pub weather: Weather,
    /// How long the orchestrator keeps jobs that are closed.
    pub keep_jobs: Seconds,
    /// Kills the orchestrator at one of its writes, counted from 0.
    pub kill: Option<Kill>,
    /// The rig that makes its results up where they are counted, and brings them all the same.
    pub liar: Option<usize>,
    /// What is broken on purpose.
    pub(crate) sabotage: Option<Sabotage>,
}

/// Where in the orchestrator's life it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    pub write: u64,
    /// Before the records are on the disk, or after that and before anything was said.
    pub before: bool,
}

/// How long jobs are kept, by the seed: to the end, or so that some are forgotten while others live.
const KEPT: [Seconds; 3] = [Seconds(30 * 86_400), Seconds(600), Seconds(120)];
/// Of a size that a run takes well under a second.
const RIGS: (u64, u64) = (3, 12);

impl Scenario {
    /// Every tenth seed is one in which nothing goes wrong.
    pub fn draw(seed: u64, hours: u64) -> Self {
        let mut draw = Draw::new(seed);
        let lasts = hours * 3_600_000;
        let calm = seed.is_multiple_of(10);
        let count = draw.between(RIGS.0..=RIGS.1) as usize;
        let liars = draw.one_of(&[0, 100, 200, 500]);
        let mut rigs: Vec<RigPlan> = (0..count).map(|number| rig(&mut draw, number, liars, calm)).collect();
        // Every fourth one is simulated and says so.
        rigs.iter_mut().enumerate().for_each(|(number, rig)| rig.hardware.simulated = number % 4 == 3);
        let mut jobs: Vec<JobPlan> =
            (0..draw.between(3..=8) * hours).map(|number| job(&mut draw, number, lasts, calm)).collect();
        jobs.iter_mut().skip(2).step_by(5).for_each(JobPlan::ask_for_attested_hardware);
        jobs.extend(shapes::draw(seed, jobs.len() as u64, hours, &rigs, calm));
        if calm {
            // Where nothing goes wrong every job has a rig that it fits.
            let largest = rigs.iter().map(|rig| rig.hardware.units()).max().unwrap_or(GpuUnits(1));
            jobs.iter_mut().for_each(|job| job.ask_at_most(largest));
        }
        let weather = if calm { Weather { delay: 40, pull: 10_000, ..Weather::default() } } else { weather(&mut draw) };
        let faults = if calm { Vec::new() } else { faults(&mut draw, &rigs, lasts) };
        let heartbeat_millis = draw.one_of(&[2_000, 5_000, 10_000]);
        let parameters = parameters(&mut draw);
        let shares = [10_000, 2_500].into_iter().cycle().map(BasisPoints);
        let plain = jobs.iter_mut().filter(|job| {
            let alone = job.spec.shape.is_none() && job.spec.placement.is_none();
            alone && job.terms.verification == Verification::Attested
        });
        plain.skip(1).step_by(3).zip(shares).for_each(|(job, share)| {
            job.ask_for_spot_checks(share, parameters.start_timeout);
        });
        if !calm && seed % 3 == 1 {
            let honest = rigs.iter_mut().find(|rig| rig.character == Character::Honest);
            honest.into_iter().for_each(|rig| rig.character = Character::Cheat);
        }
        Self {
            seed,
            lasts,
            parameters,
            heartbeat_millis,
            rigs,
            jobs,
            faults,
            weather,
            keep_jobs: KEPT[(seed % 3) as usize],
            kill: None,
            liar: Some(0),
            sabotage: None,
        }
    }

    /// A calm market with this many rigs and jobs.
    pub fn large(seed: u64, rigs: usize, jobs: u64, lasts: u64) -> Self {
        let mut draw = Draw::new(seed);
        let rigs = (0..rigs).map(|number| rig(&mut draw, number, 0, true)).collect();
        let jobs = (0..jobs).map(|number| job(&mut draw, number, lasts, true)).collect();
        Self {
            seed,
            lasts,
            parameters: Parameters::default(),
            heartbeat_millis: 10_000,
            rigs,
            jobs,
            faults: Vec::new(),
            weather: Weather { delay: 200, pull: 60_000, ..Weather::default() },
            keep_jobs: KEPT[0],
            kill: None,
            liar: Some(0),
            sabotage: None,
        }
    }

    /// Whether nothing keeps the job from being done: nothing goes wrong, nobody cancels it, and a rig fits it.
    pub fn must_complete(&self, job: usize) -> bool {
        let plan = &self.jobs[job];
        let wanted = &plan.terms.requirements;
        if plan.terms.verification.is_quorum() {
            // It needs as many providers at a time as it has members, and others may have their rigs.
            return false;
        }
        let attested = matches!(plan.terms.verification, Verification::AttestedHardware { .. });
        let bids = |rig: usize| {
            let auction = plan.spec.placement.as_ref().is_some_and(|placement| placement.auction);
            // Dearer than it posts, it may be dearer than the job pays.
            !auction || crate::rig::bid_share(rig).is_some_and(|share| share <= BasisPoints::WHOLE)
        };
        let fits = |number: usize, rig: &RigPlan| {
            let is_shown = !attested || !rig.hardware.simulated;
            is_shown && bids(number) && rig.hardware.vram_mib >= wanted.vram_mib && rig.hardware.units() >= wanted.units
        };
        let fitting = || self.rigs.iter().enumerate().filter(|(number, rig)| fits(*number, rig)).map(|(_, rig)| rig);
        let in_region = |region| fitting().filter(|rig| rig.hardware.region == region).count();
        let enough = match plan.spec.shape {
            // What comes first may end otherwise.
            None => plan.spec.after.is_none() && fitting().count() > 0,
            Some(Shape::Gang(Gang { locality: Locality::Anywhere })) => fitting().count() >= plan.spec.tasks as usize,
            Some(Shape::Gang(Gang { locality: Locality::Region })) => {
                fitting().map(|rig| in_region(rig.hardware.region)).max() >= Some(plan.spec.tasks as usize)
            }
            // It ends by its time, its money or its buyer.
            Some(Shape::Service(_)) => false,
        };
        self.is_calm() && plan.work.fails == 0 && plan.cancelled_after.is_none() && enough
    }

    /// Whether the rig's owner lets it drain some time.
    pub fn is_drained(&self, rig: usize) -> bool {
        self.faults.iter().any(|plan| plan.fault == Fault::OwnerDrains { rig })
    }

    /// Whether messages of the rig get lost some time though its stream lives.
    pub fn is_partitioned(&self, rig: usize) -> bool {
        let cut_off = |fault| fault == Fault::PartitionOfAll || fault == Fault::Partition { rig };
        self.faults.iter().any(|plan| cut_off(plan.fault))
    }

    pub fn is_calm(&self) -> bool {
        self.faults.is_empty() && self.weather.messages_lost == 0 && self.weather.steps_fail == 0
    }
}

fn parameters(draw: &mut Draw) -> Parameters {
    let checkpoint_interval = Seconds(draw.one_of(&[120, 300, 900]));
    Parameters {
        start_timeout: Seconds(draw.one_of(&[90, 300])),
        checkpoint_interval,
        hold_limit: Seconds(checkpoint_interval.0 * 3),
        settle_grace: Seconds(draw.one_of(&[60, 600])),
        decide_window: Seconds(600),
        minimum_reputation: Parameters::default()
            .minimum_reputation
            .map(|least| if draw.permille(500) { BasisPoints(0) } else { least }),
        ..Parameters::default()
    }
}

/// `liars` is how many of a thousand rigs do not do what they say.
fn rig(draw: &mut Draw, number: usize, liars: u32, calm: bool) -> RigPlan {
    let gpu_count = draw.one_of(&[1, 1, 2, 4]);
    let hardware = Hardware {
        gpu_class: draw.one_of(&[8, 8, 26]),
        gpu_count,
        vram_mib: 24_576,
        cpu_cores: 8 * gpu_count,
        memory_mib: 32_768 * u32::from(gpu_count),
        disk_mib: 200_000,
        region: draw.one_of(&[4, 4, 5]),
        country: *b"DE",
        simulated: true,
    };
    let kinds = [
        Character::Idler,
        Character::Forger,
        Character::Boaster,
        Character::Impostor,
        Character::Stubborn,
        Character::Mute,
    ];
    let lies = !calm && draw.permille(liars);
    RigPlan {
        // Most providers have one rig, some two.
        provider: number - usize::from(number % 3 == 2),
        hardware,
        price: PricePerGpuHour(draw.between(100_000..=900_000)),
        skew: if calm { 0 } else { i64::try_from(draw.between(0..=40_000)).unwrap_or(0) - 20_000 },
        character: if lies { draw.one_of(&kinds) } else { Character::Honest },
    }
}

fn job(draw: &mut Draw, number: u64, lasts: u64, calm: bool) -> JobPlan {
    let lease_seconds = Seconds(draw.one_of(&[120, 300, 600, 1_800]));
    let units = GpuUnits(draw.one_of(&[1, 1, 1, 2]));
    let maximum_price = PricePerGpuHour(if calm { 1_000_000 } else { draw.between(300_000..=1_000_000) });
    let tasks = u32::try_from(draw.one_of(&[1, 1, 3, 8, 20, 40])).unwrap_or(1);
    let least = u64::from(units.0) * lease_seconds.0 * maximum_price.0 / 3_600 + 1;
    let leases = if calm { 40 } else { draw.between(1..=20) };
    let word = if calm { Word::Nothing } else { draw.one_of(&[Word::Nothing, Word::Accepts, Word::Disputes]) };
    let longest = (lease_seconds.0 * 1_000 / 3).min(60_000);
    let millis = (1_000, if calm || !draw.permille(50) { longest } else { lease_seconds.0 * 2_000 });
    let terms = JobTerms {
        requirements: Requirements { gpu_classes: 0, vram_mib: 8_192, units, regions: 0, accept_simulated: true },
        maximum_price,
        concurrent_leases: u16::try_from(draw.between(1..=6)).unwrap_or(1),
        lease_seconds,
        start_window: Seconds(if calm { 7_200 } else { draw.one_of(&[300, 900, 1_800]) }),
        retries: u16::try_from(draw.between(0..=4)).unwrap_or(0),
        deposit: MicroUsdc(least * leases),
        spot: !calm && draw.permille(150),
        service_level: ServiceLevel::None,
        payment: if draw.permille(250) { Payment::OnResult } else { Payment::Streaming },
        verification: Verification::Attested,
        dispute_window: Seconds(draw.one_of(&[0, 0, 40, 300])),
    };
    let limits =
        Limits { cpu_milli: 2_000, disk_mib: 1_024, memory_mib: 2_048, pids: 64, task_seconds: lease_seconds.0 };
    let spec = JobSpec {
        after: None,
        checkpoint: number.is_multiple_of(2).then_some(Checkpointing { every: Seconds(60) }),
        command: vec!["work".to_owned(), "{task}".to_owned()],
        egress: Vec::new(),
        env: BTreeMap::new(),
        finish_on_notice: terms.spot && number.is_multiple_of(4),
        image: format!("image:{}", draw.between(1..=3)),
        inputs: BTreeMap::new(),
        limits,
        name: format!("job {number}"),
        network: false,
        outputs: number.is_multiple_of(3).then_some(EarlyOutputs { every: Seconds(60) }),
        placement: None,
        retry: None,
        runtime: None,
        sealed: None,
        shape: None,
        task_retries: 2,
        tasks,
        terms,
    };
    JobPlan {
        at: draw.between(5_000..=lasts * 9 / 10),
        buyer: draw.below(3),
        terms,
        spec,
        work: Work { millis, fails: if calm || !draw.permille(300) { 0 } else { draw.one_of(&[20, 200, 900]) } },
        extensions: if calm { Vec::new() } else { extensions(draw, least) },
        cancelled_after: (!calm && draw.permille(150)).then(|| draw.between(1_000..=600_000)),
        word,
    }
}

/// Money for some leases more, where one costs `least`; longer leases; a longer time to start.
fn extensions(draw: &mut Draw, least: u64) -> Vec<(u64, JobExtension)> {
    let count = draw.one_of(&[0, 0, 0, 1, 3]);
    let one = |draw: &mut Draw| JobExtension {
        deposit: MicroUsdc(least * draw.between(0..=10)),
        lease_seconds: Seconds(draw.one_of(&[0, 0, 60])),
        start_window: Seconds(draw.one_of(&[0, 300])),
    };
    (0..count).map(|_| (draw.between(1_000..=900_000), one(draw))).collect()
}

fn weather(draw: &mut Draw) -> Weather {
    let mut rare = |shares: &[u32]| draw.one_of(shares);
    Weather {
        messages_lost: rare(&[0, 0, 0, 5, 30]),
        messages_twice: rare(&[0, 0, 20, 100]),
        messages_swapped: rare(&[0, 0, 0, 50]),
        transactions_lost: rare(&[0, 100, 400]),
        transactions_twice: rare(&[0, 200]),
        notifications_lost: rare(&[0, 50, 500]),
        pulls_fail: rare(&[0, 0, 30, 150]),
        steps_fail: rare(&[1, 1, 20]),
        worker_dies_within: rare(&[0, 0, 1, 4]),
        specs_fail: rare(&[0, 300]),
        chain_behind: u64::from(rare(&[0, 700, 4_000, 25_000])),
        delay: u64::from(rare(&[20, 200, 2_000])),
        pull: u64::from(rare(&[5_000, 60_000, 400_000])),
    }
}

fn faults(draw: &mut Draw, rigs: &[RigPlan], lasts: u64) -> Vec<FaultPlan> {
    let count = draw.between(1..=40) * lasts / 3_600_000;
    let fault = |draw: &mut Draw| {
        let rig = draw.below(rigs.len());
        match draw.below(18) {
            0 | 1 => Fault::OrchestratorDies,
            2 | 3 => Fault::WorkerDies { rig },
            4 => Fault::RigLosesPower { rig },
            5..=7 => Fault::Partition { rig },
            8 => Fault::PartitionOfAll,
            9 => Fault::LinkBreaks { rig },
            10 => Fault::WorkerHangs { rig },
            11 => Fault::ChainUnreachable,
            12 => Fault::ChainStands,
            13 => Fault::Forks,
            14 => Fault::DiskSlow,
            15 => Fault::RigLosesDisk { rig },
            16 => Fault::ChainClockLags,
            // On chain, or on the rig alone.
            _ if rig.is_multiple_of(2) => Fault::ProviderDrains { provider: rigs[rig].provider },
            _ => Fault::OwnerDrains { rig },
        }
    };
    let mut plans: Vec<FaultPlan> = (0..count)
        .map(|_| FaultPlan {
            fault: fault(draw),
            at: draw.between(0..=lasts * 95 / 100),
            lasts: draw.one_of(&[300, 3_000, 15_000, 40_000, 120_000, 600_000]),
        })
        .collect();
    plans.sort_by_key(|plan| plan.at);
    plans
}
