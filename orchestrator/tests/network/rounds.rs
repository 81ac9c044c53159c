//! What a worker brings away of a task that runs: kept, handed on, shown, and deleted when nobody needs it.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use millrace_link::grpc::worker_message::Body;
use millrace_link::grpc::{self, Phase};
use millrace_link::objects::ObjectClient;
use millrace_link::rest::{self, JobStatus, TaskEarlyOutputs, TaskState};
use millrace_protocol::{Address, PricePerGpuHour, Seconds};
use millrace_spec::merkle::Leaf;
use millrace_spec::{Checkpointing, EarlyOutputs, JobSpec, Manifest, ManifestFile, ObjectRef};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::market::{Market, spec};
use crate::rig::Rig;

const EVERY: Seconds = Seconds(10);

/// A rig at work on the only task of a job, which does what the test says.
struct AtWork {
    market: Market,
    job: Address,
    rig: Rig,
    objects: ObjectClient,
}

impl AtWork {
    async fn begin() -> Self {
        let market = Market::found().await;
        let rigging = market.add_rig("only", PricePerGpuHour(1_800_000)).await;
        let rig = Rig::new(market.link_url(), &rigging, Duration::from_secs(600));
        rig.run();
        let spec = JobSpec {
            checkpoint: Some(Checkpointing { every: EVERY }),
            outputs: Some(EarlyOutputs { every: EVERY }),
            ..spec(1)
        };
        let job = market.submit(1, &spec).await;
        let objects = market.objects(&rigging.node_key);
        let this = Self { market, job, rig, objects };
        this.runs(1).await;
        this
    }

    async fn runs(&self, attempt: u32) {
        let running =
            |status: &JobStatus| (status.tasks[0].state, status.tasks[0].attempt) == (TaskState::Running, attempt);
        self.market.wait_for(self.job, |status| !status.tasks.is_empty() && running(status)).await;
    }

    /// Lease and attempt of the task's last hand-out.
    fn handed_out(&self) -> (Address, u32) {
        let journal = self.rig.journal.lock().unwrap();
        let (lease, _, attempt) = *journal.running.last().expect("nothing runs");
        (lease, attempt)
    }

    async fn put(&self, content: &str) -> ObjectRef {
        self.objects.put_bytes(content.as_bytes()).await.unwrap()
    }

    async fn manifest(&self, files: &[(&str, ObjectRef)]) -> ObjectRef {
        let files = files.iter().map(|(path, object)| ManifestFile { path: (*path).to_owned(), object: *object });
        self.objects.put_bytes(&Manifest { files: files.collect() }.to_bytes()).await.unwrap()
    }

    fn tell_checkpoint(&self, manifest: ObjectRef) {
        self.rig.say(Body::CheckpointSaved(self.saved(manifest)));
    }

    fn saved(&self, manifest: ObjectRef) -> grpc::CheckpointSaved {
        let (lease, attempt) = self.handed_out();
        let (manifest, manifest_size) = (manifest.sha256.0.to_vec(), manifest.size);
        let checkpoint = Some(grpc::Checkpoint { manifest, manifest_size, attempt });
        let lease = lease.0.to_vec();
        grpc::CheckpointSaved { lease, index: 0, attempt, checkpoint, files: 0, bytes: 0 }
    }

    fn tell_early_outputs(&self, manifest: ObjectRef) {
        let (lease, attempt) = self.handed_out();
        self.rig.say(Body::EarlyOutputs(grpc::EarlyOutputs {
            lease: lease.0.to_vec(),
            index: 0,
            attempt,
            manifest: manifest.sha256.0.to_vec(),
            manifest_size: manifest.size,
        }));
    }

    fn tell_setback(&self, round: grpc::Round, code: Option<&str>) {
        let (lease, attempt) = self.handed_out();
        let failure = code.map(|code| grpc::Failure {
            code: code.to_owned(),
            cause: "trick is a link".to_owned(),
            hint: "write plain files".to_owned(),
            ..Default::default()
        });
        let lease = lease.0.to_vec();
        self.rig.say(Body::Setback(grpc::Setback { lease, index: 0, attempt, round: round.into(), failure }));
    }

    /// Its attempt is over; nothing runs then.
    fn end(&self, outputs: &[(&str, ObjectRef)]) {
        let (lease, attempt) = self.handed_out();
        let mut journal = self.rig.journal.lock().unwrap();
        journal.running.clear();
        let update = grpc::TaskUpdate { lease: lease.0.to_vec(), index: 0, attempt, ..Default::default() };
        let update = if outputs.is_empty() {
            let failure = grpc::Failure {
                code: "container-lost".to_owned(),
                fault: grpc::Fault::Node.into(),
                ..Default::default()
            };
            grpc::TaskUpdate { phase: Phase::Failed.into(), failure: Some(failure), ..update }
        } else {
            let leaf = |(path, object): &(&str, ObjectRef)| Leaf { task: 0, path: (*path).to_owned(), object: *object };
            journal.leaves.insert(lease, outputs.iter().map(leaf).collect());
            let output = |(path, object): &(&str, ObjectRef)| {
                let (path, sha256) = ((*path).to_owned(), object.sha256.0.to_vec());
                grpc::Output { path, size: object.size, sha256 }
            };
            let outputs = outputs.iter().map(output).collect();
            grpc::TaskUpdate { phase: Phase::Done.into(), outputs, ..update }
        };
        journal.done.insert((lease, 0, attempt), update.clone());
        drop(journal);
        self.rig.say(Body::TaskUpdate(update));
    }

    async fn told(&self, wanted: impl Fn(&rest::Task) -> bool) -> rest::Task {
        self.market.wait_for(self.job, |status| wanted(&status.tasks[0])).await.tasks.remove(0)
    }

    async fn setback(&self, code: &str) -> rest::Setback {
        let task = self.told(|task| task.setbacks.iter().any(|setback| setback.failure.code == code)).await;
        assert_eq!((task.setbacks.len(), task.state), (1, TaskState::Running));
        task.setbacks[0].clone()
    }

    async fn early(&self) -> Option<TaskEarlyOutputs> {
        let path = format!("/v1/jobs/{}/outputs/early", self.job);
        assert_eq!(self.market.get(&path, "?task=1").await.status(), 404, "there is no such task");
        self.market.get(&path, "?task=0").await.json().await.unwrap()
    }

    async fn is_here(&self, object: ObjectRef) -> bool {
        self.market.is_here(object).await
    }

    /// Hours later, after which the orchestrator looks at what it may delete; returns when this one is gone.
    async fn hours_later(&mut self, gone: ObjectRef) {
        self.market.stop().await;
        self.market.age_objects(Duration::from_secs(2 * 3_600));
        self.market.start().await;
        self.market.goes(gone).await;
    }
}

/// An object on a disk that hangs: who opens it waits until this is dropped.
struct Hanging {
    path: PathBuf,
    content: Vec<u8>,
}

impl Hanging {
    fn new(path: PathBuf) -> Self {
        let content = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        Self { path, content }
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        let released = File::options().read(true).write(true).open(&self.path).unwrap();
        std::fs::remove_file(&self.path).unwrap();
        std::fs::write(&self.path, &self.content).unwrap();
        drop(released);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_is_kept_when_it_is_whole_handed_to_the_next_attempt_and_deleted_when_nobody_needs_it() {
    let mut work = AtWork::begin().await;
    let [shared, old, new] = [work.put("shared").await, work.put("old").await, work.put("new").await];
    // Told of and not here, or not all of it.
    let missing = ObjectRef { sha256: millrace_spec::sha256(b"never uploaded"), size: 14 };
    for manifest in [missing, work.manifest(&[("a", shared), ("b", missing)]).await, work.put("no manifest").await] {
        work.tell_checkpoint(manifest);
        assert_eq!(work.setback("checkpoint-incomplete").await.round, rest::Round::Checkpoint);
        work.tell_setback(grpc::Round::Checkpoint, None);
        work.told(|task| task.setbacks.is_empty()).await;
    }
    let before = work.manifest(&[("model", shared), ("state", old)]).await;
    let after = work.manifest(&[("model", shared), ("state", new)]).await;
    work.tell_checkpoint(before);
    // What the worker says of the next round is told to the buyer, and the checkpoint stays.
    work.tell_setback(grpc::Round::Checkpoint, Some("checkpoint-invalid"));
    let told = work.setback("checkpoint-invalid").await;
    assert_eq!((told.attempt, told.failure.hint.as_str()), (1, "write plain files"));
    assert_eq!(told.failure.cause, "trick is a link");
    work.tell_checkpoint(after);
    work.told(|task| task.setbacks.is_empty()).await;

    work.end(&[]);
    work.runs(2).await;
    let begins_with = work.rig.journal.lock().unwrap().begins_with.clone().expect("it begins with nothing");
    assert_eq!(begins_with.manifest, after.sha256.0);
    assert_eq!((begins_with.manifest_size, begins_with.attempt), (after.size, 1));

    work.hours_later(old).await;
    work.runs(2).await;
    work.market.goes(before).await;
    for kept in [after, shared, new] {
        assert!(work.is_here(kept).await, "the next attempt begins with it");
    }
    // One of its files is an output, too.
    work.end(&[("model", shared)]);
    work.market.wait_for(work.job, |status| status.closed).await;
    work.hours_later(new).await;
    work.market.goes(after).await;
    assert!(work.is_here(shared).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rig_is_heard_while_a_disk_hangs_on_what_it_brought_away_and_nothing_overtakes_that() {
    let work = AtWork::begin().await;
    let file = work.put("state").await;
    let [first, second, third] =
        [work.manifest(&[("1", file)]).await, work.manifest(&[("2", file)]).await, work.manifest(&[("3", file)]).await];
    let hanging = Hanging::new(work.market.object_path(first));
    for manifest in [first, second, third] {
        work.tell_checkpoint(manifest);
    }
    work.end(&[]);
    let sequence = || {
        let journal = work.rig.journal.lock().unwrap();
        journal.vouchers.values().map(|voucher| voucher.sequence).max().unwrap_or(0)
    };
    let before = sequence();
    let answered = async {
        while sequence() < before + 4 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), answered).await.expect("its heartbeats are not answered");
    let task = work.market.job(work.job).await.tasks.remove(0);
    assert_eq!((task.state, task.attempt, task.setbacks.len()), (TaskState::Running, 1, 0));
    drop(hanging);
    work.runs(2).await;
    let begins_with = work.rig.journal.lock().unwrap().begins_with.clone().expect("it begins with nothing");
    assert_eq!(begins_with.manifest, third.sha256.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_rig_saved_and_ended_while_it_had_no_stream_is_what_the_next_attempt_begins_with() {
    let mut work = AtWork::begin().await;
    let file = work.put("state").await;
    let [old, new] = [work.manifest(&[("1", file)]).await, work.manifest(&[("2", file)]).await];
    work.tell_checkpoint(old);
    work.market.stop().await;
    let saved = work.saved(new);
    work.rig.journal.lock().unwrap().saved.push(saved);
    work.end(&[]);
    work.market.start().await;
    work.runs(2).await;
    let begins_with = work.rig.journal.lock().unwrap().begins_with.clone().expect("it begins with nothing");
    assert_eq!(begins_with.manifest, new.sha256.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_outputs_are_shown_as_such_and_what_is_no_result_in_the_end_is_deleted() {
    let mut work = AtWork::begin().await;
    let [frame, log] = [work.put("frame").await, work.put("log so far").await];
    let early = work.manifest(&[("frame.png", frame), ("log", log)]).await;
    work.tell_early_outputs(early);
    let summary = rest::EarlyOutputs { attempt: 1, files: 2, bytes: frame.size + log.size };
    work.told(|task| task.early_outputs == Some(summary)).await;
    let shown = work.early().await.expect("nothing is shown");
    assert_eq!((shown.task.index, shown.attempt), (0, 1));
    assert_eq!(shown.task.node, Some(work.market.job(work.job).await.leases[0].node));
    let paths: Vec<&str> = shown.task.outputs.iter().map(|output| output.path.as_str()).collect();
    assert_eq!(paths, ["frame.png", "log"]);
    assert_eq!(shown.task.outputs[1].sha256, log.sha256.to_string());
    let results = work.market.get(&format!("/v1/jobs/{}/outputs", work.job), "").await;
    assert!(results.json::<Vec<rest::TaskOutputs>>().await.unwrap().is_empty(), "it is no result");
    work.tell_setback(grpc::Round::Outputs, Some("early-outputs-invalid"));
    assert_eq!(work.setback("early-outputs-invalid").await.round, rest::Round::Outputs);

    // Whoever connects and does not say it again has none, and what was brought away stays.
    work.hours_later_nothing_goes().await;
    work.told(|task| task.setbacks.is_empty()).await;
    assert_eq!(work.early().await, Some(shown));

    let whole = work.put("log to its end").await;
    work.end(&[("frame.png", frame), ("log", whole)]);
    work.market.wait_for(work.job, |status| status.closed).await;
    assert!(work.early().await.is_none() && work.market.job(work.job).await.tasks[0].early_outputs.is_none());
    work.hours_later(log).await;
    work.market.goes(early).await;
    assert!(work.is_here(frame).await && work.is_here(whole).await);
}

impl AtWork {
    /// Hours later, at which nothing may be deleted: that is seen by something that may.
    async fn hours_later_nothing_goes(&mut self) {
        let file = self.put("of no use").await;
        let superseded = self.manifest(&[("x", file)]).await;
        let current = self.early().await.unwrap();
        let files: Vec<(&str, ObjectRef)> = current
            .task
            .outputs
            .iter()
            .map(|output| {
                let object = ObjectRef { sha256: output.sha256.parse().unwrap(), size: output.size };
                (output.path.as_str(), object)
            })
            .collect();
        let current = self.manifest(&files).await;
        self.tell_early_outputs(superseded);
        self.told(|task| task.early_outputs.is_some_and(|early| early.files == 1)).await;
        self.tell_early_outputs(current);
        self.told(|task| task.early_outputs.is_some_and(|early| early.files == 2)).await;
        self.tell_setback(grpc::Round::Outputs, Some("early-outputs-slow"));
        self.setback("early-outputs-slow").await;
        self.hours_later(file).await;
        for (path, object) in files {
            assert!(self.is_here(object).await, "{path} is gone");
        }
    }
}
