use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use bollard::models::EventMessage;
use futures_util::StreamExt;
use millrace_agent::{Agent, FoundContainer, Held, Record, TaskKey, recover};
use millrace_client::Keypair;
use millrace_client::keys::address_of;
use millrace_link::grpc::{self, Phase};
use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Payment, Seconds, UnixSeconds, Verification};
use millrace_spec::merkle::{self, Leaf};
use millrace_spec::{Checkpointing, EarlyOutputs, JobSpec, Manifest, ManifestFile};
use millrace_worker::PullPolicy;
use millrace_worker::container::Engine;
use millrace_worker::container::docker::Docker;
use millrace_worker::control::{self, Ask};

use super::chain::{self, Fact, Shown};
use super::process::{self, Setup, Worker};
use super::scheduler::Scheduler;
use crate::support::nvml_stub::gpu;
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::orchestrator::Orchestrator;

/// How long a life may take.
const PATIENCE: Duration = Duration::from_secs(90);
/// What the first task prints.
const LOG: &str = "begin\nend\n";
/// What a checkpoint holds.
const COUNT: &[u8] = b"41\n";

/// What happens in a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plot {
    /// Two tasks, both done.
    Success,
    /// The container exits with 3.
    Failure,
    /// The buyer cancels; the container ends when it is asked to.
    Cancel,
    /// The lease ends while the container runs, which has to be killed.
    Preemption,
    /// The lease has notice while the container runs, which saves what it has and ends.
    Notice,
    /// The scheduler disappears while the container runs: the node redeems its voucher itself.
    Silence,
    /// The scheduler issues its last voucher and brings it nowhere: the node redeems it itself.
    Unpaid,
    /// The lease is had at a bid in an auction, and its result is counted with another's.
    Counted,
    /// The container goes on from a checkpoint, past the first end of a lease that was given more time, until the buyer
    /// cancels: then it leaves a checkpoint itself. Its scheduler is silent, so the node holds the lease.
    Longer,
    /// The node takes its longer start, and then the chain has the lease no more.
    Gone,
    /// A rig of GPUs holds the lease, and no work comes before it ends.
    Idle,
    /// What is finished is brought away while the container runs, and then it goes on.
    Early,
    /// The machine's clock is set by so many seconds, twice: before the worker's eyes, and while it is dead.
    /// The container runs into its time limit.
    ClockStep(i64),
}

/// The time limit of that container.
const LIMIT: Seconds = Seconds(5);

impl Plot {
    fn script(self) -> &'static str {
        match self {
            Self::Success | Self::Silence | Self::Unpaid | Self::Counted => {
                "echo begin; until [ -e /inputs/go ]; do sleep 0.1; done; echo $MILLRACE_TASK_INDEX > /outputs/index; \
                 head -c 300000 /dev/zero > /outputs/frame; echo end"
            }
            Self::Early => {
                "echo begin; head -c 300000 /dev/zero > /outputs/frame; echo early > /outputs/index; \
                 until [ -e /inputs/go ]; do sleep 0.1; done; echo $MILLRACE_TASK_INDEX > /outputs/index; echo end"
            }
            Self::Failure => "until [ -e /inputs/go ]; do sleep 0.1; done; exit 3",
            Self::Longer => {
                "trap 'cat /checkpoint/count > /checkpoint/told; exit 0' TERM; while true; do sleep 0.1; done"
            }
            Self::Cancel | Self::Gone | Self::Idle | Self::ClockStep(_) => {
                "trap 'exit 0' TERM; while true; do sleep 0.1; done"
            }
            Self::Notice => "trap 'echo saved; exit 0' TERM; while true; do sleep 0.1; done",
            Self::Preemption => "trap '' TERM; while true; do sleep 0.1; done",
        }
    }

    fn spec(self) -> JobSpec {
        let mut spec = offer::spec(self.script());
        if let Self::ClockStep(_) = self {
            spec.limits.task_seconds = LIMIT.0;
        }
        if self == Self::Early {
            spec.outputs = Some(EarlyOutputs { every: Seconds(10) });
        }
        if self == Self::Longer {
            spec.checkpoint = Some(Checkpointing { every: Seconds(10) });
        }
        if self == Self::Counted {
            spec.terms.verification = Verification::Quorum { needed: 2, size: 2 };
            (spec.terms.payment, spec.terms.concurrent_leases) = (Payment::OnResult, 2);
            spec.terms.deposit.0 *= 2;
        }
        spec
    }

    fn tasks(self) -> u32 {
        match self {
            Self::Success => 2,
            Self::Idle => 0,
            _ => 1,
        }
    }

    /// What a life must pass that nobody disturbs: records that are appended, and what is done to a container or on
    /// chain. It is there to be killed before and after each.
    pub fn passes(self) -> Vec<&'static str> {
        let begins = ["append lease_accepted", "append task_assigned", "creating the container"];
        let runs = ["starting the container", "append task_started", "removing the container", "append task_ended"];
        let is_done = ["append task_exited", "append task_uploaded"];
        let is_stopped = ["append task_failing", "SIGTERM to the container"];
        let ends = ["append task_acknowledged", "append lease_ending", "append lease_reported"];
        let is_paid = ["append voucher", "append lease_closed"];
        let work = [begins.as_slice(), &runs, &ends, &is_paid].concat();
        let with = |more: &[&[&'static str]]| [&work, more.concat().as_slice()].concat();
        match self {
            Self::Success | Self::Early => with(&[&is_done]),
            Self::Failure => with(&[&["append task_exited", "append task_failing"]]),
            Self::Cancel | Self::ClockStep(_) => with(&[&is_stopped]),
            Self::Preemption => with(&[&is_stopped, &["SIGKILL to the container"]]),
            Self::Notice => with(&[&is_stopped, &["append notice_given"]]),
            Self::Silence | Self::Unpaid => with(&[&is_done, &["redeeming"]]),
            Self::Counted => {
                let votes = ["append lease_counted", "append vote_prepared", "committing", "showing the result"];
                with(&[&is_done, &["append bid_signed"], &votes, &["append vote_over"]])
            }
            Self::Longer => {
                let goes_on = ["append lease_extended", "holding the lease", "append checkpoint_saved"];
                with(&[&is_stopped, &goes_on])
            }
            Self::Gone => {
                let gone = ["extending the start", "append lease_over", "append lease_closed"];
                [begins.as_slice(), &runs, &is_stopped, &gone].concat()
            }
            Self::Idle => {
                let held = ["append gpus_found", "append lease_accepted", "append lease_held", "append voucher"];
                [held.as_slice(), &["append lease_ending", "append lease_reported"]].concat()
            }
        }
    }

    fn keeps_its_log(self) -> bool {
        matches!(self, Self::Success | Self::Silence | Self::Early | Self::Counted)
    }
}

/// One lease from its offer to its last voucher, through as many deaths of the worker as are asked for.
pub struct Life {
    plot: Plot,
    folder: tempfile::TempDir,
    scheduler: Scheduler,
    objects: Objects,
    docker: Docker,
    setup: Setup,
    worker: Worker,
    /// Workers started.
    pub lives: usize,
    /// At which moments the first worker dies, and the second one.
    deaths: [Option<usize>; 2],
    events: tokio::task::JoinHandle<()>,
    heard: std::sync::Arc<std::sync::Mutex<Vec<EventMessage>>>,
}

impl Life {
    /// `deaths`: the moments at which the first and the second worker are killed.
    pub async fn begin(plot: Plot, deaths: [Option<usize>; 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (key, node_key) = (Keypair::new(), Keypair::new());
        if plot == Plot::Gone {
            chain::end_with_its_start(folder.path());
        }
        // Unique, so that lives at the same time do not see each other.
        let (node_address, job_address) = (address_of(&Keypair::new()), address_of(&Keypair::new()));
        let objects = Objects::default();
        let orchestrator = Orchestrator::start(address_of(&node_key), objects.serve().await).await;
        let setup = || Setup {
            orchestrator_url: orchestrator.url.clone(),
            node_key: node_key.to_bytes().to_vec(),
            node: node_address,
            job: job_address,
            scheduler: address_of(&key),
            spec: plot.spec().canonical_bytes(),
            nvml: (plot == Plot::Idle).then(process::nvml),
        };
        setup().save(folder.path());
        let (setup, own) = (setup(), setup());
        let docker = Docker::connect(None, PullPolicy::Never).await.unwrap();
        let (events, heard) = containers_events(setup.node.to_string()).await;
        let worker = Worker::start(folder.path(), 1, deaths[0]);
        let mut scheduler = Scheduler::new(orchestrator, own, key, plot.tasks());
        match plot {
            Plot::Counted => {
                scheduler.hold_auction();
                scheduler.is_counted = true;
            }
            Plot::Longer => scheduler.begins_with = Some(earlier_checkpoint(&objects)),
            _ => {}
        }
        Self { plot, folder, scheduler, objects, docker, setup, worker, lives: 1, deaths, events, heard }
    }

    /// Has the worker killed while it waits for the answer to this upload, counted from one.
    pub fn die_at_upload(&self, upload: u32, stored: bool) {
        self.objects.hold(upload, stored);
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn journal(&self) -> PathBuf {
        process::data(self.folder()).join("journal")
    }

    /// What the journal says, read without touching it. A line that is being written is not there yet.
    fn records(&self) -> Vec<Record> {
        let text = std::fs::read_to_string(self.journal()).unwrap_or_default();
        let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        whole.map(|line| serde_json::from_str(line.split_once(' ').unwrap().1).unwrap()).collect()
    }

    /// The newest voucher that the worker could redeem.
    fn voucher(&self) -> Option<Voucher> {
        let mut vouchers = self.records().into_iter().filter_map(|record| match record {
            Record::Voucher { voucher, .. } => Some(voucher),
            _ => None,
        });
        vouchers.next_back()
    }

    /// Lives it to its end, and looks at what must be true after each death and at the end.
    pub async fn live(&mut self) {
        let started = Instant::now();
        let (mut vanished, mut stepped) = (false, false);
        loop {
            assert!(started.elapsed() < PATIENCE, "it does not end: {}", process::said(self.folder()));
            let facts = chain::facts(self.folder());
            self.scheduler.is_gone = self.plot == Plot::Gone && facts.contains(&Fact::StartExtended);
            self.scheduler.attend().await;
            if let Some(told) = &self.scheduler.checkpoint {
                self.read_checkpoint(told);
            }
            match self.plot {
                Plot::Unpaid if self.scheduler.has_paid_out() => chain::hurry(self.folder()),
                _ if self.scheduler.has_paid_out() => chain::settle(self.folder()),
                _ => {}
            }
            if self.objects.is_holding() {
                self.worker.kill();
            }
            if self.worker.is_dead() {
                self.restart().await;
            } else if self.is_dying() {
                continue;
            }
            let attested = self.voucher().is_some();
            let is_silent = self.plot == Plot::Gone;
            if self.scheduler.vouchers.is_empty() && self.scheduler.metered() >= Seconds(1) && !is_silent {
                self.scheduler.attest(false);
            }
            match self.plot {
                Plot::Success | Plot::Failure | Plot::Unpaid | Plot::Counted => self.go(0, attested),
                Plot::Longer if attested && !self.scheduler.is_extending() => self.scheduler.extend(),
                Plot::Longer if self.scheduler.is_stopping() => {}
                // Both checkpoints: the one that is due while it runs, and the one that it leaves.
                Plot::Longer if facts.contains(&Fact::Held) && self.scheduler.checkpoint.is_some() => {
                    self.scheduler.stop();
                }
                Plot::Longer if self.scheduler.is_extended => {
                    chain::outlive_first_end(self.folder(), self.scheduler.vouchers[0].metered);
                }
                Plot::Early => self.go(0, self.lives > 1 && self.scheduler.early.is_some()),
                Plot::Cancel if attested && !self.scheduler.is_stopping() => self.scheduler.stop(),
                Plot::Preemption if attested && !self.scheduler.is_ending() => self.scheduler.end(),
                Plot::Notice if attested && !self.scheduler.has_notice() => self.scheduler.give_notice(),
                Plot::Silence if attested && !vanished => {
                    chain::hurry(self.folder());
                    self.scheduler.orchestrator.be_away(true);
                    vanished = true;
                }
                Plot::Silence if !chain::redeemed(self.folder()).is_empty() => {
                    self.scheduler.orchestrator.be_away(false);
                    self.go(0, true);
                }
                Plot::ClockStep(step) if attested && !stepped => {
                    process::step_clock(self.folder(), step);
                    stepped = true;
                }
                Plot::ClockStep(step) if self.scheduler.metered() >= Seconds(2) && self.lives == 1 => {
                    self.worker.kill();
                    process::step_clock(self.folder(), 2 * step);
                }
                Plot::Cancel | Plot::Preemption | Plot::Notice | Plot::Silence | Plot::ClockStep(_) => {}
                Plot::Longer | Plot::Gone | Plot::Idle => {}
            }
            self.go(1, true);
            let has_nothing_left_to_do = match self.plot {
                Plot::Idle => self.is_held(),
                Plot::Gone => false,
                _ => self.scheduler.is_done(),
            };
            if has_nothing_left_to_do && !self.scheduler.is_ending() {
                self.scheduler.attest(false);
                self.scheduler.end();
            }
            let is_paid = self.scheduler.has_paid_out() || self.scheduler.is_gone;
            if is_paid && self.is_over() && self.is_told() && !self.is_dying() {
                break;
            }
        }
        self.worker.kill();
        self.look_back().await;
    }

    /// Has the disk fail under the journal; how the worker ends then.
    pub async fn end_without_a_journal(&mut self) -> ExitStatus {
        process::break_journal(self.folder());
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < PATIENCE, "it goes on: {}", process::said(self.folder()));
            self.scheduler.attend().await;
            if let Some(status) = self.worker.ended() {
                return status;
            }
        }
    }

    /// Whether the first worker has come to its last moment: it is dead in no time.
    fn is_dying(&self) -> bool {
        self.lives == 1 && self.deaths[0] == Some(self.moments(1).len())
    }

    /// Whether the lease is off the worker's books.
    fn is_closed(&self) -> bool {
        let open = |open, record| match record {
            Record::LeaseAccepted { .. } => true,
            Record::LeaseClosed { .. } => false,
            _ => open,
        };
        !self.records().into_iter().fold(false, open)
    }

    /// Whether there is nothing left to do for it, on the rig or on chain. To see it closed takes long where the rig
    /// has just looked at it, or has never seen it since it was started.
    fn is_over(&self) -> bool {
        let over = |over, record| match record {
            Record::LeaseAccepted { .. } => false,
            Record::LeaseReported { .. } => over || self.plot == Plot::Gone,
            Record::Voucher { voucher, .. } => over || (self.plot == Plot::Idle && voucher.is_final),
            Record::LeaseClosed { .. } => true,
            _ => over,
        };
        let is_shown = self.plot != Plot::Counted || chain::shown(self.folder()).len() == 1;
        self.records().into_iter().fold(true, over) && self.votes().is_empty() && is_shown
    }

    /// Whether the rig knows by the chain that it has the lease.
    fn is_held(&self) -> bool {
        self.records().iter().any(|record| matches!(record, Record::LeaseHeld { .. }))
    }

    /// The results that the rig has to commit to or to show. A worker that recovers may say the same once more.
    fn votes(&self) -> Vec<Shown> {
        let mut votes = vec![];
        for record in self.records() {
            match record {
                Record::VotePrepared { root, salt, .. } if votes.contains(&Shown { root, salt }) => {}
                Record::VotePrepared { root, salt, .. } => votes.push(Shown { root, salt }),
                Record::VoteOver { .. } => votes.clear(),
                _ => {}
            }
        }
        votes
    }

    /// Whether the log has come, which may take longer than the money.
    fn is_told(&self) -> bool {
        !self.plot.keeps_its_log() || self.scheduler.log == LOG.as_bytes()
    }

    /// Lets a container go on that waits for it.
    fn go(&self, task: u32, now: bool) {
        let key = TaskKey { lease: self.scheduler.lease(), task, attempt: self.scheduler.attempt() };
        let inputs = process::data(self.folder()).join(format!("tasks/{key}/inputs"));
        if now && inputs.is_dir() {
            // The folder may be on its way out.
            let _ = std::fs::write(inputs.join("go"), "");
        }
    }

    /// A new worker on what the dead one left: it owns every container there is, and every voucher.
    async fn restart(&mut self) {
        let voucher = self.voucher();
        self.lives += 1;
        let death = self.deaths[1].take();
        self.worker = Worker::start(self.folder(), self.lives, death);
        let started = Instant::now();
        // It answers as soon as it has begun everything that recovery asks for.
        while control::ask(&process::data(self.folder()), Ask::Status).await.is_err() {
            assert!(started.elapsed() < PATIENCE, "no new worker: {}", process::said(self.folder()));
            if self.worker.is_dead() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let records = self.records();
        let kept = self.voucher();
        if let Some(voucher) = voucher
            && !self.is_closed()
        {
            let kept = kept.expect("the voucher is lost");
            assert!(kept.sequence >= voucher.sequence && kept.metered >= voucher.metered, "an older voucher is kept");
        }
        let agent = recover(&records, &[], UnixSeconds(0)).agent;
        self.check_what_was_signed(&agent);
        for FoundContainer { id, key, .. } in self.docker.list(self.setup.node).await.unwrap() {
            let key = key.expect("a container without a task");
            assert!(agent.task(key).is_some(), "nobody owns container {id} of task {key}");
        }
    }

    /// Whatever has left the rig with its signature, it still knows.
    fn check_what_was_signed(&self, agent: &Agent) {
        let bids: Vec<_> = agent.bids().map(|own| own.lease).collect();
        assert!(bids.len() <= 1 && bids.len() >= self.scheduler.bid.iter().len(), "bids are forgotten: {bids:?}");
        if self.plot == Plot::Counted && (agent.leases().next().is_some() || self.scheduler.has_paid_out()) {
            assert_eq!(bids, [Some(self.scheduler.lease())], "the bid is good for another lease");
        }
        if self.scheduler.is_extended && !self.is_closed() {
            let first = self.setup.spec().terms.lease_seconds;
            let extended = self.records().into_iter().any(|record| match record {
                Record::LeaseExtended { maximum, .. } => maximum.0 >= first.0 + chain::MORE.0,
                _ => false,
            });
            assert!(extended, "the lease is as long as at first");
        }
        let committed = chain::committed(self.folder());
        if let (Some(committed), []) = (committed.first(), chain::shown(self.folder()).as_slice()) {
            assert_eq!(self.votes(), [*committed], "what is committed to cannot be shown");
        }
        let held = Held::of(&self.records());
        if self.plot == Plot::Idle && held.lease {
            assert_eq!(held.gpus, (0..8).map(gpu).collect::<Vec<_>>(), "the lease's GPUs are others");
        }
    }

    /// All of it must be there once it was told of.
    fn read_checkpoint(&self, told: &grpc::Checkpoint) -> Vec<(String, Vec<u8>)> {
        let object = |sha256: &[u8]| self.objects.get(sha256).expect("a part of a checkpoint is not there").to_vec();
        let manifest = Manifest::from_bytes(&object(&told.manifest)).unwrap();
        manifest.files.into_iter().map(|file| (file.path, object(&file.object.sha256.0))).collect()
    }

    async fn look_back(&mut self) {
        let (scheduler, folder) = (&self.scheduler, self.folder());
        assert_eq!(self.docker.list(self.setup.node).await.unwrap(), [], "a container without an owner");
        assert_eq!(std::fs::read_dir(process::data(folder).join("tasks")).unwrap().count(), 0, "a folder is left");

        let mut leaves = vec![];
        for (index, end) in &scheduler.ends {
            let code = end.failure.as_ref().map(|failure| failure.code.as_str());
            match self.plot {
                Plot::Success | Plot::Silence | Plot::Unpaid | Plot::Early | Plot::Counted => {
                    assert_eq!(end.phase(), Phase::Done, "finished work is lost: {:?}", end.failure);
                    for (path, content) in [("frame", vec![0; 300_000]), ("index", format!("{index}\n").into_bytes())] {
                        let output = end.outputs.iter().find(|output| output.path == path).expect("an output is lost");
                        assert!(self.objects.get(&output.sha256).unwrap() == content, "another {path}");
                        let object = Objects::default().put(&content);
                        leaves.push(Leaf { task: *index, path: path.into(), object });
                    }
                    assert_eq!(end.outputs.len(), 2);
                }
                Plot::Failure => assert_eq!(code, Some("exit-code")),
                Plot::Cancel | Plot::Preemption | Plot::Gone => assert_eq!(code, Some("stopped")),
                Plot::Longer => {
                    assert_eq!(code, Some("stopped"));
                    assert!(scheduler.is_stopping(), "it ended with the first end of its lease");
                }
                Plot::Idle => panic!("there was no task"),
                // With status 0: it was told to stop, so it was not done.
                Plot::Notice => assert_eq!(code, Some("preempted")),
                Plot::ClockStep(_) => assert_eq!(code, Some("timed-out")),
            }
        }
        let root = merkle::root(leaves);
        // Nobody waits for the report of a lease that the rig has seen to be gone.
        let is_reported = self.plot != Plot::Gone || scheduler.report.is_some();
        assert_eq!(scheduler.report, is_reported.then_some(root.0), "the result is not what was uploaded");

        if self.plot == Plot::Early {
            let early = scheduler.early.as_ref().expect("nothing was brought away early");
            let manifest = Manifest::from_bytes(&self.objects.get(&early.manifest).unwrap()).unwrap();
            for (path, content) in [("frame", vec![0; 300_000]), ("index", b"early\n".to_vec())] {
                let file = manifest.files.iter().find(|file| file.path == path).expect("a file is not there early");
                assert!(self.objects.get(&file.object.sha256.0).unwrap() == content, "another {path}");
            }
        }

        if self.plot == Plot::Longer {
            let newest = scheduler.checkpoint.as_ref().expect("nothing is there for the next attempt");
            let whole = ["count", "told"].map(|path| (path.to_owned(), COUNT.to_vec()));
            assert_eq!(self.read_checkpoint(newest), whole, "it is not what was there when the container was told");
        }

        let (committed, shown) = (chain::committed(folder), chain::shown(folder));
        if self.plot == Plot::Counted {
            assert_eq!(committed.iter().map(|shown| shown.root).collect::<Vec<_>>(), [root], "not what was uploaded");
            assert_eq!(shown, committed, "what is committed to is not what is shown, once");
            assert!(scheduler.bids_refused > 0, "nobody has tried to have another lease at the bid");
        } else {
            assert_eq!((committed, shown), (vec![], vec![]), "nothing is counted");
        }

        if self.plot.keeps_its_log() {
            assert_eq!(String::from_utf8_lossy(&scheduler.log), LOG, "some of the log is lost");
        }

        let ran = self.ran();
        let mut last = Seconds(0);
        for voucher in &scheduler.vouchers {
            assert!(voucher.metered >= last, "the meter fell back");
            last = voucher.metered;
        }
        // Until the engine tells of a container's end, which takes it a while on a busy machine, the worker says that
        // it runs.
        let told_late = Duration::from_secs(1) * self.setup.spec().tasks;
        assert!(Duration::from_secs(last.0) <= ran + told_late + Duration::from_secs(1), "{last:?} metered of {ran:?}");
        let is_metered = !matches!(self.plot, Plot::Gone | Plot::Idle);
        assert_eq!(last >= Seconds(1), is_metered, "{last:?} metered");

        if let Plot::ClockStep(_) = self.plot {
            // The worker counts whole seconds.
            assert!(ran + Duration::from_secs(1) >= Duration::from_secs(LIMIT.0), "it was ended after {ran:?}");
        }

        let redeemed = chain::redeemed(folder);
        if self.plot == Plot::Unpaid {
            let last = scheduler.vouchers.last().unwrap();
            assert_eq!(redeemed, [(last.sequence, last.metered)]);
        } else if let Plot::Silence | Plot::Longer = self.plot {
            let first = scheduler.vouchers[0];
            assert_eq!(redeemed, [(first.sequence, first.metered)], "attested time is not paid for");
        } else {
            assert_eq!(redeemed, [], "the scheduler was there to settle");
        }
    }

    /// How long containers of this life ran, by the engine's own word.
    fn ran(&self) -> Duration {
        let (mut started, mut sum) = (None, 0);
        for event in self.heard.lock().unwrap().iter() {
            match event.action.as_deref() {
                Some("start") => started = event.time_nano,
                Some("die") => sum += event.time_nano.unwrap() - started.take().expect("one container at a time"),
                _ => {}
            }
        }
        Duration::from_nanos(u64::try_from(sum).unwrap())
    }

    /// The moments that the first worker passed, or the second one.
    pub fn moments(&self, life: usize) -> Vec<String> {
        process::moments(self.folder(), life)
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.events.abort();
        if std::thread::panicking() {
            eprintln!("{:?}\n{}", self.moments(1), process::said(self.folder.path()));
            let filter = format!("label=millrace.node={}", self.setup.node);
            let remove =
                format!("docker ps --all --quiet --filter {filter} | xargs --no-run-if-empty docker rm --force");
            let _ = std::process::Command::new("sh").args(["-c", &remove]).status();
        }
    }
}

/// What an attempt on another rig has left.
fn earlier_checkpoint(objects: &Objects) -> grpc::Checkpoint {
    let file = ManifestFile { path: "count".into(), object: objects.put(COUNT) };
    let manifest = objects.put(&Manifest { files: vec![file] }.to_bytes());
    grpc::Checkpoint { manifest: manifest.sha256.0.to_vec(), manifest_size: manifest.size, attempt: 1 }
}

/// Listens to what the engine says about a node's containers, from now on.
async fn containers_events(
    node: String,
) -> (tokio::task::JoinHandle<()>, std::sync::Arc<std::sync::Mutex<Vec<EventMessage>>>) {
    use bollard::query_parameters::EventsOptionsBuilder;
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let heard = std::sync::Arc::<std::sync::Mutex<Vec<EventMessage>>>::default();
    let filters = std::collections::HashMap::from([
        ("type".to_owned(), vec!["container".to_owned()]),
        ("label".to_owned(), vec![format!("millrace.node={node}")]),
    ]);
    let options = EventsOptionsBuilder::default().filters(&filters).build();
    let ears = heard.clone();
    let listening = tokio::spawn(async move {
        let mut events = std::pin::pin!(docker.events(Some(options)));
        while let Some(Ok(event)) = events.next().await {
            ears.lock().unwrap().push(event);
        }
    });
    (listening, heard)
}
