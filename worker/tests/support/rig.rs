use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_agent::TaskKey;
use millrace_client::Keypair;
use millrace_client::accounts::{JobAccount, NodeAccount};
use millrace_client::keys::address_of;
use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::worker_message::Body as WorkerBody;
use millrace_link::grpc::{self, offer_reply};
use millrace_protocol::Address;
use millrace_protocol::Seconds;
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_spec::{JobSpec, sha256};
use millrace_worker::container::Engine;
use millrace_worker::{Error, Handle, Options, Parts, Service};

use super::objects::Objects;
use super::offer::{self, OneJob, PRICE};
use super::orchestrator::Orchestrator;

/// A worker with everything around it.
pub struct Rig {
    pub orchestrator: Orchestrator,
    pub objects: Objects,
    pub engine: Arc<dyn Engine>,
    pub folder: tempfile::TempDir,
    pub node: NodeAccount,
    pub job: JobAccount,
    pub chain: Arc<OneJob>,
    pub spec: JobSpec,
    pub worker: Option<Handle>,
    scheduler: Keypair,
    pub node_key: Keypair,
    pub tweak: fn(&mut Options),
    /// Of the tasks that are handed out.
    pub attempt: u32,
    /// What they begin with.
    pub checkpoint: Option<grpc::Checkpoint>,
    /// Where the GPUs are listed; none: they are simulated.
    nvml: Option<PathBuf>,
    /// Whether an endpoint answers when the worker starts.
    pub finds_the_chain: bool,
}

impl Drop for Rig {
    /// A test may end while a task has its secrets, which are not in the test's own folder.
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(format!("/dev/shm/millrace-{}", self.node.address));
    }
}

impl Rig {
    pub async fn start(engine: Arc<dyn Engine>, objects: Objects, spec: JobSpec) -> Self {
        Self::start_with(engine, objects, spec, |_| {}).await
    }

    pub async fn start_with(engine: Arc<dyn Engine>, objects: Objects, spec: JobSpec, tweak: fn(&mut Options)) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), engine, objects, spec, tweak).await
    }

    /// For the job of a buyer whose key the test has.
    pub async fn start_for(buyer: Address, engine: Arc<dyn Engine>, objects: Objects, spec: JobSpec) -> Self {
        Self::start_for_in(tempfile::tempdir().unwrap(), buyer, engine, objects, spec).await
    }

    /// The same with the data folder given.
    pub async fn start_for_in(
        folder: tempfile::TempDir,
        buyer: Address,
        engine: Arc<dyn Engine>,
        objects: Objects,
        spec: JobSpec,
    ) -> Self {
        let mut rig = Self::prepare(folder, engine, objects, spec, |_| {}).await;
        rig.job.buyer = buyer;
        rig.chain = Arc::new(OneJob::new(rig.job.clone(), address_of(&rig.scheduler)));
        rig.boot().await.unwrap();
        rig
    }

    /// With an object endpoint of the caller's own.
    pub async fn start_storing_at(url: String, engine: Arc<dyn Engine>, spec: JobSpec) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut rig = Self::prepare_at(url, folder, engine, Objects::default(), spec, |_| {}).await;
        rig.boot().await.unwrap();
        rig
    }

    /// With a GPU of the kind that this library lists.
    pub async fn start_on_gpus(engine: Arc<dyn Engine>, spec: JobSpec, nvml: PathBuf) -> Self {
        let mut rig = Self::prepare(tempfile::tempdir().unwrap(), engine, Objects::default(), spec, |_| {}).await;
        rig.node.node.hardware.simulated = false;
        rig.node.node.hardware.gpu_class = millrace_protocol::gpu::class("a100-80gb").unwrap();
        rig.nvml = Some(nvml);
        rig.boot().await.unwrap();
        rig
    }

    /// With the data folder given.
    pub async fn start_in(
        folder: tempfile::TempDir,
        engine: Arc<dyn Engine>,
        objects: Objects,
        spec: JobSpec,
        tweak: fn(&mut Options),
    ) -> Self {
        let mut rig = Self::prepare(folder, engine, objects, spec, tweak).await;
        rig.boot().await.unwrap();
        rig
    }

    async fn prepare(
        folder: tempfile::TempDir,
        engine: Arc<dyn Engine>,
        objects: Objects,
        spec: JobSpec,
        tweak: fn(&mut Options),
    ) -> Self {
        Self::prepare_at(objects.serve().await, folder, engine, objects, spec, tweak).await
    }

    async fn prepare_at(
        objects_url: String,
        folder: tempfile::TempDir,
        engine: Arc<dyn Engine>,
        objects: Objects,
        spec: JobSpec,
        tweak: fn(&mut Options),
    ) -> Self {
        let (scheduler, node_key) = (Keypair::new(), Keypair::new());
        // Unique, so that rigs of tests in parallel do not see each other's containers.
        let node = offer::node(&node_key, address_of(&Keypair::new()));
        // The same of their jobs, whose leases containers are named by.
        let job = JobAccount { address: address_of(&Keypair::new()), ..offer::job(&spec, 0) };
        let chain = Arc::new(OneJob::new(job.clone(), address_of(&scheduler)));
        let orchestrator = Orchestrator::start(address_of(&node_key), objects_url).await;
        Self {
            orchestrator,
            objects,
            engine,
            folder,
            node,
            job,
            chain,
            spec,
            worker: None,
            scheduler,
            node_key,
            tweak,
            attempt: 1,
            checkpoint: None,
            nvml: None,
            finds_the_chain: true,
        }
    }

    /// Starts the worker, again if it was stopped.
    pub async fn boot(&mut self) -> Result<(), Error> {
        let worker = self.worker_in(self.folder.path()).await?;
        worker.connected().await;
        self.worker = Some(worker);
        Ok(())
    }

    /// A worker for the node, on a data folder.
    pub async fn worker_in(&self, folder: &Path) -> Result<Handle, Error> {
        self.worker_with(folder, self.tweak).await
    }

    /// The same with other options than the rig's own.
    pub async fn worker_with(&self, folder: &Path, tweak: impl FnOnce(&mut Options)) -> Result<Handle, Error> {
        let mut options = Options::new(
            &self.orchestrator.url,
            Keypair::try_from(self.node_key.to_bytes().as_slice()).unwrap(),
            folder,
            vec![],
        );
        match &self.nvml {
            Some(library) => {
                options.nvml_library = library.clone();
                options.toolkit = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stub/toolkit/mended").into();
            }
            None => options.simulated_gpus = vec!["rtx-4090:24576".parse().unwrap()],
        }
        options.disk_reserve_mib = 1;
        tweak(&mut options);
        *self.chain.node.lock().unwrap() = Some(self.node.clone()).filter(|_| self.finds_the_chain);
        let parts = Parts { engine: self.engine.clone(), chain: self.chain.clone() };
        Service::start_with(options, parts).await
    }

    /// Stops the worker and leaves its containers.
    pub async fn stop(&mut self) {
        self.worker.take().unwrap().shutdown().await.unwrap();
    }

    pub fn lease(&self) -> Address {
        self.job.next_lease()
    }

    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Offers the job's lease; the worker's answer.
    pub async fn offer(&mut self) -> offer_reply::Result {
        let offer = offer::offer(&self.scheduler, &self.job, &self.node, &self.spec, PRICE);
        self.send_offer(offer).await
    }

    pub async fn send_offer(&mut self, offer: grpc::Offer) -> offer_reply::Result {
        let proposed = sha256(&offer.transaction);
        self.orchestrator.say(Body::Offer(offer));
        let reply = self.orchestrator.hear("an answer to the offer", |body| match body {
            WorkerBody::OfferReply(reply) => Some(reply),
            _ => None,
        });
        let reply = reply.await;
        assert_eq!(reply.transaction_sha256, proposed.0, "which offer it answers");
        reply.result.unwrap()
    }

    pub fn scheduler(&self) -> &Keypair {
        &self.scheduler
    }

    /// With the lease agreed on.
    pub async fn leased(&mut self) {
        match self.offer().await {
            offer_reply::Result::Signature(signature) => assert_eq!(signature.len(), 64),
            offer_reply::Result::Refusal(refusal) => panic!("refused: {refusal:?}"),
        }
    }

    pub fn assign(&self, index: u32) {
        self.assign_beside(index, &[]);
    }

    /// As a member of a gang whose nodes are reached at these addresses.
    pub fn assign_beside(&self, index: u32, peers: &[&str]) {
        let peer = |address: &&str| grpc::Peer { node: vec![7; 32], address: (*address).to_owned() };
        self.orchestrator.say(Body::AssignTask(grpc::AssignTask {
            lease: self.lease().0.to_vec(),
            job: self.job.address.0.to_vec(),
            index,
            attempt: self.attempt,
            spec: self.spec.canonical_bytes(),
            peers: peers.iter().map(peer).collect(),
            checkpoint: self.checkpoint.clone(),
        }));
    }

    /// Lets a task's container go on that waits for the file `/inputs/go`.
    pub fn go(&self, index: u32) {
        let key = TaskKey { lease: self.lease(), task: index, attempt: self.attempt };
        std::fs::write(self.data().join(format!("tasks/{key}/inputs/go")), "").unwrap();
    }

    pub fn stop_task(&self, index: u32) {
        let lease = self.lease().0.to_vec();
        self.orchestrator.say(Body::StopTask(grpc::StopTask { lease, index, attempt: 1 }));
    }

    pub fn acknowledge(&self, index: u32) {
        let lease = self.lease().0.to_vec();
        self.orchestrator.say(Body::TaskAck(grpc::TaskAck { lease, index, attempt: 1 }));
    }

    pub fn end_lease(&self) {
        self.orchestrator.say(Body::EndLease(grpc::EndLease { lease: self.lease().0.to_vec(), counted: false }));
    }

    /// Its result is counted with others'.
    pub fn count_lease(&self) {
        self.orchestrator.say(Body::EndLease(grpc::EndLease { lease: self.lease().0.to_vec(), counted: true }));
    }

    pub fn give_notice(&self, seconds_left: u64) {
        let lease = self.lease().0.to_vec();
        self.orchestrator.say(Body::LeaseNotice(grpc::LeaseNotice { lease, seconds_left }));
    }

    pub async fn lease_report(&mut self) -> grpc::LeaseReport {
        self.orchestrator
            .hear("a lease report", |body| match body {
                WorkerBody::LeaseReport(report) => Some(report),
                _ => None,
            })
            .await
    }

    /// A voucher of `signer` for the job's lease.
    pub fn voucher(&self, signer: &Keypair, sequence: u64, is_final: bool) {
        use millrace_client::Signer as _;
        let voucher = Voucher {
            program: millrace_client::address::program(),
            lease: self.lease(),
            sequence,
            metered: Seconds(sequence),
            downtime: Seconds(0),
            is_final,
            exit_class: ExitClass::Completed,
            result_root: [0; 32],
        };
        let message = voucher.encode().to_vec();
        let signature = <[u8; 64]>::from(signer.sign_message(&message)).to_vec();
        self.orchestrator.say(Body::Voucher(grpc::Voucher { lease: self.lease().0.to_vec(), message, signature }));
    }

    /// What the worker's journal says, as text.
    pub fn journal(&self) -> String {
        std::fs::read_to_string(self.data().join("journal")).unwrap()
    }

    /// Containers with the node's label.
    pub async fn containers(&self) -> usize {
        self.engine.list(self.node.address).await.unwrap().len()
    }

    /// Whether no container and no folder of a task is left.
    pub async fn is_clean(&self) -> bool {
        let folders = std::fs::read_dir(self.data().join("tasks")).unwrap().count();
        self.containers().await == 0 && folders == 0
    }
}
