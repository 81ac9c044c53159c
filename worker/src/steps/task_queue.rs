use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::BoxStream;
use millrace_agent::{Assignment, Cause, Failure, GpuFault, Limits, Round, Setback, TaskEvent, TaskKey};
use millrace_protocol::Address;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Step, StepEvent, sight};
use crate::container::{Error, GpuAccess, NetworkAccess, Plan, Printed, Progress, Signal, name};
use crate::context::Context;
use crate::disk::{self, Shortage};
use crate::folders::Left;
use crate::rounds::{self, Brought, Known};
use crate::{egress, gpu, inputs, logs, outputs};

/// How long the end of a log may take once its container has ended.
const LOG_GRACE: Duration = Duration::from_secs(5);
/// From one look at the fence around a container with a network to the next.
const FENCE: Duration = Duration::from_secs(2);
/// How often what a task has left is tried before the task ends without: its lease is paid for until then.
const TRIES: u32 = 3;
/// From one attempt to clean to the next; an engine that is being restarted takes a while.
const PAUSE: Duration = Duration::from_secs(2);

/// Does a task's steps one after the other. Those that take long go on in the background, and
/// cleaning breaks them off; creating and starting never are broken off, so that cleaning finds
/// every container there is.
pub(super) async fn run(
    context: Arc<Context>,
    key: TaskKey,
    mut steps: UnboundedReceiver<Step>,
    events: UnboundedSender<StepEvent>,
) {
    let queue = Queue { context, key, events };
    let mut background: JoinSet<()> = JoinSet::new();
    let mut log: JoinSet<()> = JoinSet::new();
    let mut saving: JoinSet<()> = JoinSet::new();
    let mut early: JoinSet<()> = JoinSet::new();
    let known = Arc::<Mutex<Known>>::default();
    // What the container prints from its start until it is followed.
    let mut attached = None;
    while let Some(step) = steps.recv().await {
        match step {
            Step::FetchInputs(assignment) => queue.in_background(&mut background, |queue| async move {
                queue.tell(queue.prepare(&assignment).await.map(|()| TaskEvent::InputsReady));
            }),
            Step::PullImage(assignment) => queue.in_background(&mut background, |queue| async move {
                queue.tell(queue.image(&assignment).await);
            }),
            Step::Create(assignment, gpus) => {
                queue.tell(queue.create(assignment, &gpus).await.map(|()| TaskEvent::Created));
            }
            Step::Start(gpus) => {
                let printed = queue.context.engine.attach(key).await;
                let started = queue.start(&gpus).await;
                attached = printed.filter(|_| started.is_ok());
                queue.tell(started.map(|()| TaskEvent::Started));
            }
            Step::Follow(job, limits, gpus) => {
                queue.in_background(&mut background, |queue| async move { queue.watch(limits, &gpus).await });
                let attached = attached.take();
                queue.in_background(&mut log, |queue| async move { queue.spool(job, attached).await });
            }
            Step::BringAway(Round::Checkpoint, assignment, number) => {
                // What one that is given up has brought away stays there.
                saving.shutdown().await;
                queue.in_background(&mut saving, |queue| async move {
                    let result = rounds::save(&queue.context, &assignment).await;
                    queue.tell_round(Round::Checkpoint, number, result);
                });
            }
            Step::BringAway(Round::Outputs, assignment, number) => {
                early.shutdown().await;
                let known = known.clone();
                queue.in_background(&mut early, |queue| async move {
                    let result = rounds::bring_away(&queue.context, &assignment, &known).await;
                    queue.tell_round(Round::Outputs, number, result);
                });
            }
            Step::CopyLog(job) => queue.in_background(&mut log, |queue| async move { queue.spool(job, None).await }),
            Step::Terminate => queue.signal(Signal::Terminate).await,
            Step::Kill => queue.signal(Signal::Kill).await,
            Step::Collect(assignment) => {
                // What counts now is what is there.
                early.shutdown().await;
                queue.in_background(&mut background, |queue| async move {
                    let collected =
                        outputs::collect(&queue.context, &assignment, |progress| queue.progress(progress)).await;
                    queue.tell(collected.map(TaskEvent::Uploaded));
                });
            }
            Step::Clean => {
                // A container waits for whoever takes its words.
                drop(attached.take());
                background.shutdown().await;
                saving.shutdown().await;
                early.shutdown().await;
                // A container that still runs has no end of its log to wait for.
                queue.stop_now().await;
                let _ = timeout(LOG_GRACE, log.join_next()).await;
                log.shutdown().await;
                queue.clean().await;
                let Context { images, engine, .. } = queue.context.as_ref();
                images.release(key);
                images.evict(engine.as_ref()).await;
                return;
            }
        }
    }
}

#[derive(Clone)]
struct Queue {
    context: Arc<Context>,
    key: TaskKey,
    events: UnboundedSender<StepEvent>,
}

impl Queue {
    fn in_background<F>(&self, tasks: &mut JoinSet<()>, work: impl FnOnce(Self) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work(self.clone()));
    }

    fn tell(&self, result: Result<TaskEvent, Failure>) {
        let event = result.unwrap_or_else(TaskEvent::Failed);
        let _ = self.events.send(StepEvent::Task { key: self.key, event });
    }

    fn tell_round(&self, round: Round, number: u32, result: Result<Brought, Failure>) {
        let Brought { saved, setback } =
            result.unwrap_or_else(|failure| Brought { setback: Some(failure), ..Brought::default() });
        let setback = setback.map(|failure| Setback::of(round, &failure));
        self.tell(Ok(TaskEvent::RoundOver { round, number, saved, setback }));
    }

    fn progress(&self, progress: Progress) {
        let _ = self.events.send(StepEvent::Progress { key: self.key, progress });
    }

    async fn prepare(&self, assignment: &Assignment) -> Result<(), Failure> {
        inputs::fetch(&self.context, assignment, |progress| self.progress(progress)).await?;
        if let Some(setback) = rounds::restore(&self.context, assignment).await? {
            self.tell(Ok(TaskEvent::CheckpointLost(setback)));
        }
        Ok(())
    }

    async fn image(&self, assignment: &Assignment) -> Result<TaskEvent, Failure> {
        let (engine, image) = (&self.context.engine, assignment.image.as_str());
        let login = self.context.vault.login(self.key.lease, image);
        let progress = |progress| self.progress(progress);
        let brought = self.context.images.bring(engine.as_ref(), self.key, image, login.as_ref(), &progress).await;
        brought.map(|digest| TaskEvent::ImageReady { digest })
    }

    /// Until the container's end, which may be long ago.
    async fn watch(&self, limits: Limits, gpus: &[u16]) {
        let shortage = Shortage::default();
        let event = tokio::select! {
            ended = self.context.engine.wait(self.key) => match ended {
                Ok(exit) if exit.code == 0 => TaskEvent::Exited(exit),
                // Out of disk or without its GPU, any program fails in its own way.
                Ok(exit) => match self.without_disk(limits, &shortage).await {
                    Some(failure) => TaskEvent::EndedBy(failure),
                    None => self.without_gpu(gpus).await.map_or(TaskEvent::Exited(exit), TaskEvent::EndedBy),
                },
                Err(Error::NotFound) => TaskEvent::Vanished,
                Err(error @ Error::Interrupted) => TaskEvent::EndedBy(error.failure(Cause::ContainerLost)),
                Err(error) => TaskEvent::Failed(error.failure(Cause::ContainerLost)),
            },
            failure = outputs::exceeded(&self.context, self.key, limits, &shortage) => TaskEvent::Failed(failure),
            failure = self.unfenced(), if limits.network => TaskEvent::Failed(failure),
            never = sight::keep(self.context.engine.as_ref(), self.key, |event| self.tell(Ok(event))) => match never {},
        };
        self.tell(Ok(event));
    }

    /// Returns when the fence around a container with a network is gone and cannot be put up again.
    async fn unfenced(&self) -> Failure {
        loop {
            sleep(FENCE).await;
            if let Err(error) = self.context.engine.fence().await {
                return error.failure(Cause::NetworkUnfenced);
            }
        }
    }

    /// Why the disk is to blame for a container that failed, or who has filled it. Where it failed while nobody watched
    /// only what is full still tells: nobody has noted when it was.
    async fn without_disk(&self, limits: Limits, shortage: &Shortage) -> Option<Failure> {
        let full = disk::exhausted(&self.context.folders.outputs(self.key), self.context.disk_reserve);
        let was_full = || Failure::new(Cause::DiskFull, "it was full while the task ran");
        let full = full.or_else(|| shortage.is_recent().then(was_full))?;
        Some(outputs::over_limit(&self.context, self.key, limits, 0).await.unwrap_or(full))
    }

    /// Why its GPU is to blame for a container that failed. Where it failed while nobody watched only what is wrong still
    /// tells: the driver keeps no Xid for who listens later, and does not date what its memory could not correct.
    async fn without_gpu(&self, gpus: &[u16]) -> Option<Failure> {
        let monitor = self.context.monitor.as_ref().filter(|_| !gpus.is_empty())?;
        monitor.failure_of(gpus).await.map(GpuFault::failure)
    }

    async fn spool(&self, job: Address, attached: Option<BoxStream<'static, Printed>>) {
        let grown = || {
            let _ = self.events.send(StepEvent::LogGrown { key: self.key, job });
        };
        // What a worker before this one spooled may not have been sent.
        grown();
        let Context { engine, folders, .. } = self.context.as_ref();
        if let Err(error) = logs::spool(folders, self.key, attached, || engine.logs(self.key), grown).await {
            tracing::warn!(task = %self.key, %error, "the task's log cannot be kept");
        }
    }

    async fn signal(&self, signal: Signal) {
        if let Err(error) = self.context.engine.signal(self.key, signal).await {
            // The agent escalates: removal by force comes last.
            tracing::warn!(task = %self.key, %error, ?signal, "the container cannot be signalled");
        }
    }

    async fn stop_now(&self) {
        match self.context.engine.signal(self.key, Signal::Kill).await {
            Ok(()) | Err(Error::NotFound) => {}
            Err(error) => tracing::warn!(task = %self.key, %error, "the container cannot be killed"),
        }
    }

    /// Until the container is gone, however long it takes, and what of its folders can be removed.
    /// The container first: folders are not safe to walk while a stranger's program moves them.
    async fn clean(&self) {
        for tried in 1.. {
            let Err(error) = self.context.engine.remove(&name(self.key)).await else { break };
            tracing::warn!(task = %self.key, %error, "the container cannot be removed yet");
            if matches!(error, Error::Unreachable { .. }) || tried >= TRIES {
                // A lease that only waits for its engine, or for a program that cannot be ended, works on nothing.
                self.tell(Ok(TaskEvent::OutOfSight));
            }
            sleep(PAUSE).await;
        }
        let Context { folders, vault, .. } = self.context.as_ref();
        if let Err(error) = self.removed("folders", || folders.remove(self.key)).await {
            self.context.tell_left(&folders.set_aside(self.key, error));
        }
        if let Err(source) = self.removed("secret files", || vault.clear(self.key)).await {
            self.context.tell_left(&Left { at: vault.shown(self.key), source });
        }
        self.tell(Ok(TaskEvent::Cleaned));
    }

    /// # Errors
    /// Those of the last try.
    async fn removed(&self, what: &str, remove: impl Fn() -> io::Result<()>) -> io::Result<()> {
        for _ in 1..TRIES {
            let Err(error) = remove() else { return Ok(()) };
            tracing::warn!(task = %self.key, %error, "the {what} cannot be removed yet");
            sleep(PAUSE).await;
        }
        remove()
    }

    /// A container that is told of a GPU which is not there fails in a way that looks like its image's.
    fn has_gpus(&self, gpus: &[u16]) -> Result<(), Failure> {
        let inventory = &self.context.inventory;
        let is_gone = |at: &u16| inventory.gpus.get(usize::from(*at)).is_none_or(|gpu| gpu.is_gone);
        if !inventory.simulated && gpus.iter().any(is_gone) { Err(Cause::GpuLost.into()) } else { Ok(()) }
    }

    async fn start(&self, gpus: &[u16]) -> Result<(), Failure> {
        self.has_gpus(gpus)?;
        self.context.engine.start(self.key).await.map_err(|error| error.failure(Cause::StartFailed))
    }

    async fn create(&self, assignment: Assignment, gpus: &[u16]) -> Result<(), Failure> {
        self.has_gpus(gpus)?;
        let secrets = self.context.vault.show(&assignment)?;
        let network = match assignment.limits.network {
            true => egress::access(&assignment.egress, &self.context.resolvers).await?,
            false => NetworkAccess::None,
        };
        let brought = self.context.images.id_of(self.key);
        let image_id = brought.ok_or_else(|| Failure::new(Cause::CreateFailed, "its image was not brought"))?;
        let plan = self.plan(assignment, image_id, secrets, gpus, network);
        self.context.engine.create(&plan).await.map_err(|error| error.failure(Cause::CreateFailed))
    }

    fn plan(
        &self,
        assignment: Assignment,
        image_id: String,
        secrets: Option<PathBuf>,
        gpus: &[u16],
        network: NetworkAccess,
    ) -> Plan {
        let context = &self.context;
        let inventory = &context.inventory;
        let leased = || gpus.iter().filter_map(|index| inventory.gpus.get(usize::from(*index)));
        let Assignment {
            key,
            job,
            task_count,
            image,
            command,
            mut environment,
            limits,
            peers,
            runtime,
            checkpoint,
            ..
        } = assignment;
        let own = [
            ("MILLRACE_JOB", job.to_string()),
            ("MILLRACE_LEASE", key.lease.to_string()),
            ("MILLRACE_TASK_INDEX", key.task.to_string()),
            ("MILLRACE_TASK_COUNT", task_count.to_string()),
            ("MILLRACE_ATTEMPT", key.attempt.to_string()),
            ("MILLRACE_CHECKPOINT", format!("{job}/{}", key.task)),
        ];
        environment.extend(own.map(|(name, value)| (name.to_owned(), value)));
        if checkpoint.is_some() {
            environment.push(("MILLRACE_CHECKPOINT_DIR".to_owned(), "/checkpoint".to_owned()));
            let restored = std::fs::read_to_string(context.folders.restored(key)).unwrap_or_default();
            environment.push(("MILLRACE_RESTORED_ATTEMPT".to_owned(), restored));
        }
        if !peers.is_empty() {
            let gang = [
                ("MILLRACE_RANK", key.task.to_string()),
                ("MILLRACE_WORLD_SIZE", peers.len().to_string()),
                ("MILLRACE_PEERS", peers.join(",")),
            ];
            environment.extend(gang.map(|(name, value)| (name.to_owned(), value)));
        }
        let access = if inventory.simulated {
            let models: Vec<String> = leased().map(|gpu| format!("{}:{}", gpu.model, gpu.vram_mib)).collect();
            environment.push(("MILLRACE_SIMULATED_GPU".to_owned(), models.join(",")));
            GpuAccess::None
        } else {
            let uuids: Vec<String> = leased().map(|gpu| gpu.uuid.clone()).collect();
            let nodes = gpu::nodes::of(leased());
            if uuids.is_empty() { GpuAccess::None } else { GpuAccess::Devices { uuids, nodes } }
        };
        Plan {
            key,
            job,
            node: context.node,
            image,
            image_id,
            command,
            environment,
            // A simulated rig may claim more cores than its machine has; Docker would refuse them.
            cpu_millis: limits.cpu_millis.min(u32::from(context.engine_cores) * 1_000),
            memory_mib: limits.memory_mib,
            pids: limits.pids,
            network,
            runtime,
            inputs: context.folders.inputs(key),
            outputs: context.folders.outputs(key),
            checkpoint: checkpoint.map(|_| context.folders.checkpoint(key)),
            secrets,
            user: context.folders.users().of(key.lease),
            host_users: context.folders.users().leave_namespace(),
            gpus: access,
        }
    }
}
