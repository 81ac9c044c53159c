//! The link's words in the scheduler's language.

use std::collections::BTreeSet;

use hex::FromHex as _;
use millrace_challenge::{Commitment, Kind, OpenedTile, Opening, SAMPLES, tile};
use millrace_link::grpc::{self, Fault as WireFault, Phase, offer_reply};
use millrace_protocol::{Address, PricePerGpuHour, UnixSeconds};
use millrace_scheduler::{Cause, Event, Fault, HeldLease, HeldTask, Output, TaskPhase, TaskProgress};
use millrace_spec::{Bid, BidSignature, ObjectRef, Runtime, Sha256, SignedBid};
use tonic::Status;

use crate::challenge::Answer;
use crate::driver::{Reply, ToldBid};

/// Codes by which a worker says that it could not get the image, or get it to run, whoever is to blame.
const IMAGE_CODES: [&str; 5] = ["image-missing", "image-slow", "image-too-large", "image-unfit", "pull-failed"];
/// The most leases, tasks or images a worker may say it has. Far more than one rig can hold.
const MOST_HELD: usize = 10_000;
/// The most GPUs, or slices of GPUs, that a rig may name.
const MOST_GPUS: usize = 64;
/// The longest UUID in bytes.
const LONGEST_GPU: usize = 128;
/// The longest way in a Merkle tree over tiles: there are at most 2^25.
const LONGEST_PATH: usize = 25;
/// The longest text in bytes that is kept of what a worker says: it goes into the journal and to buyers.
const LONGEST_TEXT: usize = 4_096;

pub(super) fn address(bytes: &[u8], field: &str) -> Result<Address, Status> {
    let bytes = <[u8; 32]>::try_from(bytes);
    bytes.map(Address).map_err(|_| Status::invalid_argument(format!("`{field}` is not 32 bytes")))
}

fn signature(bytes: &[u8]) -> Result<[u8; 64], Status> {
    <[u8; 64]>::try_from(bytes).map_err(|_| Status::invalid_argument("`signature` is not 64 bytes"))
}

pub(super) fn held(resume: &grpc::Resume) -> Result<Vec<HeldLease>, Status> {
    if resume.leases.len().max(resume.tasks.len()) > MOST_HELD {
        return Err(Status::invalid_argument(format!("a worker holds at most {MOST_HELD} leases and tasks")));
    }
    let mut held = Vec::new();
    for lease in &resume.leases {
        held.push(HeldLease { lease: address(lease, "lease")?, tasks: Vec::new() });
    }
    for task in &resume.tasks {
        let of = address(&task.lease, "lease")?;
        let task = HeldTask { task: task.index, attempt: task.attempt };
        match held.iter_mut().find(|lease| lease.lease == of) {
            Some(lease) => lease.tasks.push(task),
            None => held.push(HeldLease { lease: of, tasks: vec![task] }),
        }
    }
    Ok(held)
}

pub(super) fn heartbeat(node: Address, beat: &grpc::Beat) -> Result<Event, Status> {
    let leases = beat.leases.iter().map(|beat| address(&beat.lease, "lease"));
    Ok(Event::Heartbeat { node, leases: leases.collect::<Result<_, _>>()? })
}

pub(super) fn lease_report(node: Address, report: &grpc::LeaseReport) -> Result<Event, Status> {
    let result_root = Sha256(address(&report.result_root, "result_root")?.0);
    Ok(Event::LeaseReport { node, lease: address(&report.lease, "lease")?, result_root })
}

pub(super) fn task_update(node: Address, update: &grpc::TaskUpdate) -> Result<Event, Status> {
    let lease = address(&update.lease, "lease")?;
    let phase = |phase| TaskProgress::Phase { phase, bytes: (update.bytes_done, update.bytes_total) };
    let progress = match update.phase() {
        Phase::Unspecified => return Err(Status::invalid_argument("a task update without a phase")),
        Phase::Assigned => phase(TaskPhase::Assigned),
        Phase::AwaitingSecrets => phase(TaskPhase::AwaitingSecrets { until: UnixSeconds(update.secrets_until) }),
        Phase::FetchingInputs => phase(TaskPhase::FetchingInputs),
        Phase::Pulling => phase(TaskPhase::Pulling),
        Phase::Creating => phase(TaskPhase::Creating),
        Phase::Running => phase(TaskPhase::Running),
        Phase::Uploading => phase(TaskPhase::Uploading),
        Phase::Done => done(&update.outputs)?,
        Phase::Failed => failed(update.failure.as_ref())?,
    };
    Ok(Event::TaskUpdate { node, lease, task: update.index, attempt: update.attempt, progress })
}

/// What the task's container is made from, where the worker says so.
pub(super) fn image_found(node: Address, update: &grpc::TaskUpdate) -> Option<Event> {
    let digest = update.image_digest.strip_prefix("sha256:").and_then(|digest| <[u8; 32]>::from_hex(digest).ok())?;
    Some(Event::ImageFound { node, lease: address(&update.lease, "lease").ok()?, digest: Sha256(digest) })
}

/// Those that this version knows.
pub(super) fn runtimes(names: &[String]) -> BTreeSet<Runtime> {
    names.iter().filter_map(|name| Runtime::named(name)).collect()
}

pub(super) fn images(images: Vec<String>) -> BTreeSet<String> {
    images.into_iter().filter(|image| image.len() <= LONGEST_TEXT).take(MOST_HELD).collect()
}

/// A host name or an IP address; nothing of what is neither, which no member of a gang could use.
pub(super) fn advertised_address(text: &str) -> String {
    if millrace_link::is_advertisable(text) { text.to_owned() } else { String::new() }
}

/// The answer to an offer, of a lease or of more time for one, of bounded length, and the lease. None where it has
/// neither a signature nor a refusal.
pub(super) fn reply(reply: grpc::OfferReply) -> Result<Option<(Address, Reply)>, Status> {
    let lease = address(&reply.lease, "lease")?;
    let transaction = match reply.transaction_sha256.as_slice() {
        [] => None,
        named => Some(Sha256(address(named, "transaction_sha256")?.0)),
    };
    let result = match reply.result {
        Some(offer_reply::Result::Refusal(refusal)) => Err(bounded(&refusal)),
        Some(offer_reply::Result::Signature(bytes)) => Ok(signature(&bytes)?),
        None => return Ok(None),
    };
    Ok(Some((lease, Reply { transaction, result })))
}

/// The GPUs of a worker that answers challenges.
pub(super) fn announcement(node: Address, session: u64, told: grpc::GpuAnnouncement) -> Result<Event, Status> {
    if told.gpus.len() > MOST_GPUS || told.gpus.iter().any(|gpu| gpu.len() > LONGEST_GPU) {
        return Err(Status::invalid_argument(format!("a rig has at most {MOST_GPUS} GPUs with a short name each")));
    }
    Ok(Event::GpusAnnounced { node, session, gpus: told.gpus })
}

pub(super) fn commitment(told: grpc::GpuCommitment) -> Result<Answer, Status> {
    let root = address(&told.root, "root")?.0;
    let driver = Sha256(address(&told.driver, "driver")?.0);
    if told.gpu.len() > LONGEST_GPU {
        return Err(Status::invalid_argument("a GPU with a name that is too long"));
    }
    let kind = if told.simulated { Kind::Cpu } else { Kind::Cuda };
    Ok(Answer::Committed(Commitment { gpu: told.gpu, tiles: told.tiles, root, kind }, driver))
}

pub(super) fn opening(told: grpc::GpuOpening) -> Result<Answer, Status> {
    if told.tiles.len() > usize::from(SAMPLES) || told.gpu.len() > LONGEST_GPU {
        return Err(Status::invalid_argument(format!("more than {SAMPLES} tiles were opened")));
    }
    let tiles = told.tiles.into_iter().map(opened_tile).collect::<Result<_, _>>()?;
    Ok(Answer::Opened { gpu: told.gpu, opening: Opening { tiles } })
}

fn opened_tile(told: grpc::OpenedTile) -> Result<OpenedTile, Status> {
    if told.words.len() != tile::BYTES as usize || told.path.len() > LONGEST_PATH {
        return Err(Status::invalid_argument("an opened tile has another size"));
    }
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
    let words = told.words.chunks_exact(4).map(word).collect();
    let path = told.path.iter().map(|digest| address(digest, "path").map(|digest| digest.0));
    Ok(OpenedTile { tile: told.tile, words, path: path.collect::<Result<_, _>>()? })
}

pub(super) fn declined(told: grpc::GpuChallengeDeclined) -> Answer {
    let reason = told.reason.unwrap_or_default();
    Answer::Declined(Cause { code: text(&reason.code), message: text(&reason.cause), hint: String::new() })
}

/// None of what a later worker may say.
pub(super) fn bid(told: grpc::Bid) -> Result<Option<ToldBid>, Status> {
    let job = address(&told.job, "job")?;
    Ok(Some(match told.result {
        None => return Ok(None),
        Some(grpc::bid::Result::Refusal(refusal)) => ToldBid::Declined { code: text(&refusal.code) },
        Some(grpc::bid::Result::Signed(signed)) => {
            let signature = signature(&signed.signature)?;
            // Program and node are known, and not the worker's to say.
            let bid = Bid {
                program: Address::default(),
                job,
                opened_slot: signed.opened_slot,
                auction: told.auction,
                node: Address::default(),
                price: PricePerGpuHour(signed.price),
                valid_until: UnixSeconds(signed.valid_until),
            };
            ToldBid::Bid(Box::new(SignedBid { bid, signature: BidSignature(signature) }))
        }
    }))
}

/// A worker's no, of bounded length.
pub(super) fn bounded(refusal: &grpc::Refusal) -> grpc::Refusal {
    grpc::Refusal { code: text(&refusal.code), cause: text(&refusal.cause) }
}

/// A path that leads out of the outputs folder, or twice to one file, would spoil the buyer's
/// download of every other output, so the task counts as failed by its node.
fn done(outputs: &[grpc::Output]) -> Result<TaskProgress, Status> {
    let outputs: Vec<Output> = outputs.iter().map(output).collect::<Result<_, _>>()?;
    let mut paths = BTreeSet::new();
    let Some(bad) = outputs.iter().find(|output| !is_plain(&output.path) || !paths.insert(&output.path)) else {
        return Ok(TaskProgress::Done { outputs });
    };
    let cause = Cause {
        code: "output-path-invalid".to_owned(),
        message: format!("the worker names an output {:?}", text(&bad.path)),
        hint: "nothing to do: the task goes to another node".to_owned(),
    };
    Ok(TaskProgress::Failed { fault: Fault::Node, exit_code: None, cause })
}

/// Relative, `/`-separated, no empty, `.` or `..` part.
fn is_plain(path: &str) -> bool {
    path.len() <= LONGEST_TEXT
        && !path.contains(['\0', '\\'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn text(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST_TEXT)].to_owned()
}

fn output(output: &grpc::Output) -> Result<Output, Status> {
    let sha256 = Sha256(address(&output.sha256, "sha256")?.0);
    Ok(Output { path: output.path.clone(), object: ObjectRef { sha256, size: output.size } })
}

fn failed(failure: Option<&grpc::Failure>) -> Result<TaskProgress, Status> {
    let failure = failure.ok_or_else(|| Status::invalid_argument("a failed task without a failure"))?;
    let fault = match failure.fault() {
        _ if IMAGE_CODES.contains(&failure.code.as_str()) => Fault::Image,
        WireFault::Job => Fault::Buyer,
        WireFault::Node | WireFault::Unspecified => Fault::Node,
        WireFault::None => Fault::Nobody,
    };
    Ok(TaskProgress::Failed { fault, exit_code: failure.exit_code, cause: cause(failure) })
}

/// Of bounded length.
pub(super) fn cause(failure: &grpc::Failure) -> Cause {
    Cause { code: text(&failure.code), message: text(&failure.cause), hint: text(&failure.hint) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Address = Address([1; 32]);

    fn update(phase: Phase) -> grpc::TaskUpdate {
        grpc::TaskUpdate { lease: vec![2; 32], index: 3, attempt: 4, phase: phase.into(), ..Default::default() }
    }

    fn fault_of(code: &str, fault: WireFault) -> Fault {
        let failure = grpc::Failure { code: code.to_owned(), fault: fault.into(), ..Default::default() };
        let event = task_update(NODE, &grpc::TaskUpdate { failure: Some(failure), ..update(Phase::Failed) }).unwrap();
        match event {
            Event::TaskUpdate { progress: TaskProgress::Failed { fault, .. }, .. } => fault,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_missing_image_is_the_images_fault_whoever_the_worker_blames() {
        assert_eq!(fault_of("image-missing", WireFault::Job), Fault::Image);
        assert_eq!(fault_of("pull-failed", WireFault::Node), Fault::Image);
        for code in ["image-slow", "image-too-large", "image-unfit"] {
            assert_eq!(fault_of(code, WireFault::Job), Fault::Image, "{code}");
        }
        assert_eq!(fault_of("image-invalid", WireFault::Job), Fault::Buyer, "no rig makes anything else of it");
        assert_eq!(fault_of("exit-code", WireFault::Job), Fault::Buyer);
        assert_eq!(fault_of("disk-full", WireFault::Node), Fault::Node);
        assert_eq!(fault_of("stopped", WireFault::None), Fault::Nobody);
    }

    #[test]
    fn an_image_is_known_by_its_digest_and_by_nothing_else() {
        let with = |image_digest: &str| {
            let image_digest = image_digest.to_owned();
            image_found(NODE, &grpc::TaskUpdate { image_digest, ..update(Phase::Creating) })
        };
        let digest = format!("sha256:{}", "ab".repeat(32));
        assert!(matches!(with(&digest), Some(Event::ImageFound { node: NODE, digest: Sha256([0xab, ..]), .. })));
        for other in ["", "sha256:", "sha256:ab", "sha512:ab", &digest[7..], &format!("{digest}00")] {
            assert_eq!(with(other), None, "{other}");
        }
    }

    #[test]
    fn malformed_messages_are_refused() {
        assert!(task_update(NODE, &update(Phase::Unspecified)).is_err());
        assert!(task_update(NODE, &update(Phase::Failed)).is_err());
        assert!(task_update(NODE, &grpc::TaskUpdate { lease: vec![1], ..update(Phase::Running) }).is_err());
        let short = grpc::Output { path: "a".to_owned(), size: 1, sha256: vec![1] };
        assert!(task_update(NODE, &grpc::TaskUpdate { outputs: vec![short], ..update(Phase::Done) }).is_err());
    }

    fn outputs(paths: &[&str]) -> TaskProgress {
        let output = |path: &&str| grpc::Output { path: (*path).to_owned(), size: 1, sha256: vec![1; 32] };
        done(&paths.iter().map(output).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn outputs_stay_in_their_folder_and_each_is_one_file() {
        assert!(matches!(outputs(&["a.png", "b/a.png"]), TaskProgress::Done { .. }));
        let long = "a".repeat(LONGEST_TEXT + 1);
        for bad in [&["../a"][..], &["/etc/passwd"], &["a//b"], &["a\\b"], &[""], &[&long], &["a", "a"]] {
            assert!(matches!(outputs(bad), TaskProgress::Failed { fault: Fault::Node, .. }), "{bad:?}");
        }
    }

    #[test]
    fn what_a_worker_says_is_kept_short() {
        let endless = "ü".repeat(1_000_000);
        let failure = grpc::Failure { cause: endless.clone(), ..Default::default() };
        let Ok(TaskProgress::Failed { cause, .. }) = failed(Some(&failure)) else { panic!("it failed") };
        assert_eq!(cause.message.len(), LONGEST_TEXT);
        let refusal = grpc::Refusal { code: "no".to_owned(), cause: endless };
        let refused = grpc::OfferReply {
            lease: vec![2; 32],
            transaction_sha256: vec![3; 32],
            result: Some(offer_reply::Result::Refusal(refusal)),
        };
        let unnamed = grpc::OfferReply { transaction_sha256: Vec::new(), ..refused.clone() };
        let crooked = grpc::OfferReply { transaction_sha256: vec![3; 31], ..refused.clone() };
        let empty = grpc::OfferReply { result: None, ..refused.clone() };
        let endless =
            grpc::OfferReply { result: Some(offer_reply::Result::Signature(vec![1; 1_000_000])), ..refused.clone() };
        assert!(reply(crooked).is_err() && reply(endless).is_err() && reply(empty).unwrap().is_none());
        assert_eq!(reply(unnamed).unwrap().unwrap().1.transaction, None);
        let (_, Reply { transaction, result }) = reply(refused).unwrap().unwrap();
        let Err(refusal) = result else { panic!("it was refused") };
        assert_eq!(transaction, Some(Sha256([3; 32])));
        assert_eq!((refusal.code.as_str(), refusal.cause.len()), ("no", LONGEST_TEXT));
        let resume = grpc::Resume { leases: vec![vec![2; 32]; MOST_HELD + 1], ..Default::default() };
        assert!(held(&resume).is_err());
    }

    #[test]
    fn tasks_of_a_resume_are_found_under_their_lease() {
        let resume = grpc::Resume {
            advertised_address: String::new(),
            leases: vec![vec![2; 32], vec![3; 32]],
            tasks: vec![update(Phase::Running), grpc::TaskUpdate { index: 9, ..update(Phase::Done) }],
            cached_images: Vec::new(),
            draining: false,
            runtimes: Vec::new(),
        };
        let held = held(&resume).unwrap();
        assert_eq!(held[0].tasks, [HeldTask { task: 3, attempt: 4 }, HeldTask { task: 9, attempt: 4 }]);
        assert_eq!(held[1].tasks, []);
    }

    #[test]
    fn answers_to_challenges_are_bounded_and_read_word_by_word() {
        let tile = |words: usize, path: usize| grpc::OpenedTile {
            tile: 3,
            words: [1, 2, 0, 0].repeat(words),
            path: vec![vec![9; 32]; path],
        };
        let opened = |tiles| opening(grpc::GpuOpening { number: 1, gpu: "GPU-1".to_owned(), tiles });
        let Ok(Answer::Opened { opening: good, .. }) = opened(vec![tile(tile::WORDS, 25)]) else { panic!("good") };
        assert!(good.tiles[0].words.iter().all(|word| *word == 0x201) && good.tiles[0].path == [[9; 32]; 25]);
        assert!(opened(vec![tile(tile::WORDS - 1, 25)]).is_err());
        assert!(opened(vec![tile(tile::WORDS, 26)]).is_err());
        assert!(opened(vec![grpc::OpenedTile { path: vec![vec![9; 31]], ..tile(tile::WORDS, 0) }]).is_err());
        assert!(opened(vec![tile(tile::WORDS, 1); usize::from(SAMPLES) + 1]).is_err());
        let good = grpc::GpuCommitment { root: vec![1; 32], driver: vec![2; 32], ..Default::default() };
        assert!(commitment(good.clone()).is_ok());
        assert!(commitment(grpc::GpuCommitment { root: vec![1; 31], ..good.clone() }).is_err());
        assert!(commitment(grpc::GpuCommitment { driver: Vec::new(), ..good.clone() }).is_err());
        assert!(commitment(grpc::GpuCommitment { gpu: "x".repeat(LONGEST_GPU + 1), ..good }).is_err());
        let named = |gpus| announcement(NODE, 1, grpc::GpuAnnouncement { gpus, simulated: false });
        assert!(named(vec!["GPU-1".to_owned(); MOST_GPUS]).is_ok());
        assert!(named(vec![String::new(); MOST_GPUS + 1]).is_err());
        assert!(named(vec!["x".repeat(LONGEST_GPU + 1)]).is_err());
    }
}
