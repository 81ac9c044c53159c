use bytes::Bytes;
use futures_util::stream;
use millrace_spec::ManifestFile;

use super::*;
use crate::objects::{Piece, StagedId, Stored};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

struct Store {
    objects: Objects,
    folder: tempfile::TempDir,
    now: SystemTime,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { objects: Objects::open(folder.path()).unwrap(), folder, now: SystemTime::now() }
    }

    /// Stored so long ago.
    async fn put(&self, content: &[u8], ago: Duration) -> Sha256 {
        let object = sha256(content);
        let length = content.len() as u64;
        let body = stream::iter([Ok::<_, std::io::Error>(Bytes::copy_from_slice(content))]);
        let piece = Piece { from: 0, length, total: length };
        assert_eq!(self.objects.put(object, piece, None, body).await.unwrap(), Stored::Complete);
        self.age(&self.objects.complete_path(object), ago);
        object
    }

    fn age(&self, path: &Path, ago: Duration) {
        File::open(path).unwrap().set_modified(self.now - ago).unwrap();
    }

    fn asked_for(&self, object: Sha256) -> SystemTime {
        std::fs::metadata(self.objects.complete_path(object)).unwrap().modified().unwrap()
    }

    async fn put_spec(&self, inputs: &[Sha256], ago: Duration) -> Sha256 {
        let name = |(number, sha256): (usize, &Sha256)| (number.to_string(), ObjectRef { sha256: *sha256, size: 1 });
        let inputs: BTreeMap<String, ObjectRef> = inputs.iter().enumerate().map(name).collect();
        let spec = serde_json::json!({ "command": [], "inputs": inputs, "of_a_later_version": true });
        self.put(spec.to_string().as_bytes(), ago).await
    }

    async fn put_manifest(&self, files: &[Sha256], ago: Duration) -> Sha256 {
        let file = |(number, sha256): (usize, &Sha256)| ManifestFile {
            path: number.to_string(),
            object: ObjectRef { sha256: *sha256, size: 1 },
        };
        let files = files.iter().enumerate().map(file).collect();
        self.put(&Manifest { files }.to_bytes(), ago).await
    }

    async fn note(&self, manifest: Sha256, ago: Duration) {
        self.objects.note_round(manifest).await.unwrap();
        self.age(&self.objects.checkpoints.join(manifest.to_string()), ago);
    }

    async fn sweep(&self, needed: Needed) {
        self.objects.sweep(self.now, needed).await.unwrap();
    }

    async fn is_here(&self, object: Sha256) -> bool {
        match self.objects.size(object).await {
            Ok(_) => true,
            Err(Error::NotFound(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

fn only(object: Sha256) -> HashSet<Sha256> {
    HashSet::from([object])
}

#[tokio::test]
async fn what_nobody_refers_to_goes_when_it_has_rested_for_a_day() {
    let store = Store::new();
    let [older, younger] = [store.put(b"older", RESTS + SECOND).await, store.put(b"younger", RESTS).await];
    let referred = store.put(b"referred", 30 * RESTS).await;
    let foreign = store.folder.path().join("complete/00/README");
    std::fs::write(&foreign, "not an object").unwrap();
    store.age(&foreign, 30 * RESTS);
    store.sweep(Needed { others: only(referred), ..Needed::default() }).await;
    assert!(!store.is_here(older).await);
    assert!(store.is_here(younger).await && store.is_here(referred).await && foreign.exists());
    assert_eq!(store.objects.deleted(), (1, 5));
    store.sweep(Needed::default()).await;
    assert!(!store.is_here(referred).await, "its job is forgotten");
    assert_eq!(store.objects.deleted(), (2, 13));
}

#[tokio::test]
async fn inputs_are_kept_with_the_job_and_rest_for_a_day_from_its_end_on() {
    let mut store = Store::new();
    let [input, other] = [store.put(b"input", 30 * RESTS).await, store.put(b"other", 30 * RESTS).await];
    let missing = sha256(b"not uploaded yet");
    let spec = store.put_spec(&[input, missing], 30 * RESTS).await;
    store.sweep(Needed { specs: [spec, sha256(b"a spec to come")].into(), ..Needed::default() }).await;
    assert!(store.is_here(spec).await && store.is_here(input).await && !store.is_here(other).await);
    // The job has ended, and its status still names the spec.
    store.now += RESTS;
    store.sweep(Needed { others: only(spec), ..Needed::default() }).await;
    assert!(store.is_here(input).await);
    store.now += SECOND;
    store.sweep(Needed { others: only(spec), ..Needed::default() }).await;
    assert!(store.is_here(spec).await && !store.is_here(input).await);
}

#[tokio::test]
async fn a_spec_that_names_no_inputs_keeps_nothing_from_going() {
    let store = Store::new();
    let [junk, old] = [store.put(b"no spec at all", 30 * RESTS).await, store.put(b"old", 30 * RESTS).await];
    let long = store.put(&vec![b' '; usize::try_from(JobSpec::LONGEST).unwrap() + 1], 30 * RESTS).await;
    store.sweep(Needed { specs: [junk, long].into(), ..Needed::default() }).await;
    assert!(store.is_here(junk).await && store.is_here(long).await && !store.is_here(old).await);
}

#[tokio::test]
async fn nothing_goes_while_a_spec_or_a_manifest_cannot_be_read() {
    let store = Store::new();
    let old = store.put(b"old", 30 * RESTS).await;
    let spec = store.put_spec(&[old], 30 * RESTS).await;
    let manifest = store.put_manifest(&[old], 30 * RESTS).await;
    let needs = [
        (spec, Needed { specs: only(spec), ..Needed::default() }),
        (manifest, Needed { manifests: only(manifest), ..Needed::default() }),
    ];
    for (object, needed) in needs {
        let path = store.objects.complete_path(object);
        std::fs::write(&path, b"{}").unwrap();
        let refused = store.objects.sweep(store.now, needed).await;
        assert!(matches!(refused, Err(Error::Damaged(damaged)) if damaged == object), "{refused:?}");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        let needed = Needed { specs: only(object), ..Needed::default() };
        assert!(matches!(store.objects.sweep(store.now, needed).await, Err(Error::File(_))));
        assert!(store.is_here(old).await);
        std::fs::remove_dir(path).unwrap();
    }
    store.sweep(Needed::default()).await;
    assert!(!store.is_here(old).await);
}

#[tokio::test]
async fn what_rounds_brought_away_is_kept_while_it_is_needed_and_rests_for_an_hour_then() {
    let mut store = Store::new();
    let ago = RESTS + MINUTE;
    let [shared, old, new, output] = [
        store.put(b"shared", ago).await,
        store.put(b"old", ago).await,
        store.put(b"new", ago).await,
        store.put(b"output", ago).await,
    ];
    let [before, after] =
        [store.put_manifest(&[shared, old, output], ago).await, store.put_manifest(&[shared, new], ago).await];
    let files = [before, after, shared, old, new, output];
    let needed = || Needed { manifests: only(after), others: only(output), ..Needed::default() };
    let asked_for = |ago| files.iter().for_each(|file| store.age(&store.objects.complete_path(*file), ago));
    asked_for(ROUND_RESTS);
    store.note(before, ROUND_RESTS).await;
    store.note(after, MINUTE).await;
    store.sweep(needed()).await;
    assert_eq!(store.objects.deleted().0, 0, "somebody may refer to it soon");
    store.now += SECOND;
    store.sweep(needed()).await;
    assert!(!store.is_here(before).await && !store.is_here(old).await);
    for kept in [after, shared, new, output] {
        assert!(store.is_here(kept).await);
    }
    store.sweep(Needed { others: only(output), ..Needed::default() }).await;
    for gone in [after, shared, new] {
        assert!(!store.is_here(gone).await);
    }
    assert!(store.is_here(output).await);
    store.sweep(Needed::default()).await;
    assert_eq!(std::fs::read_dir(&store.objects.checkpoints).unwrap().count(), 0, "nothing is left to remember");
}

#[tokio::test]
async fn what_somebody_asked_for_since_it_was_brought_away_rests_for_a_day() {
    let mut store = Store::new();
    let file = store.put(b"weights", RESTS).await;
    let manifest = store.put_manifest(&[file], RESTS).await;
    store.note(manifest, RESTS).await;
    store.objects.claim(file).await.unwrap();
    store.now = store.asked_for(file) + RESTS;
    store.sweep(Needed::default()).await;
    assert!(store.is_here(file).await && !store.is_here(manifest).await);
    store.now += SECOND;
    store.sweep(Needed::default()).await;
    assert!(!store.is_here(file).await);
}

#[tokio::test]
async fn a_damaged_manifest_of_a_round_that_is_over_keeps_nothing_from_going() {
    let mut store = Store::new();
    let manifest = store.put_manifest(&[sha256(b"file")], MINUTE).await;
    std::fs::write(store.objects.complete_path(manifest), b"{}").unwrap();
    store.objects.note_round(manifest).await.unwrap();
    store.now = store.asked_for(manifest) + ROUND_RESTS + MINUTE;
    store.sweep(Needed::default()).await;
    assert!(!store.is_here(manifest).await);
}

#[tokio::test]
async fn what_is_found_or_stored_again_is_here_for_a_day() {
    let store = Store::new();
    let [asked, sent, staged] = [b"asked", b"sent.", b"stage"];
    for content in [asked, sent] {
        store.put(content, 30 * RESTS).await;
    }
    store.objects.claim(sha256(asked)).await.unwrap();
    let again = Piece { from: 0, length: 5, total: 5 };
    let body = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(sent))]);
    assert_eq!(store.objects.put(sha256(sent), again, None, body).await.unwrap(), Stored::Complete);
    // All of it came long before its hash was named.
    let id = StagedId { owner: millrace_protocol::Address([7; 32]), id: sha256(b"upload") };
    let body = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(staged))]);
    store.objects.stage(id, again, body).await.unwrap();
    store.age(&id.path(&store.objects.staged), 30 * RESTS);
    let none = stream::iter([] as [std::io::Result<Bytes>; 0]);
    let last = Piece { from: 5, length: 0, total: 5 };
    assert_eq!(store.objects.put(sha256(staged), last, Some(id), none).await.unwrap(), Stored::Complete);
    store.sweep(Needed::default()).await;
    for content in [asked, sent, staged] {
        assert!(store.is_here(sha256(content)).await);
    }
    assert!(matches!(store.objects.claim(sha256(b"never stored")).await, Err(Error::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_was_told_is_here_is_not_deleted_after_that() {
    let store = Store::new();
    let mut all = Vec::new();
    for number in 0..500u32 {
        all.push(store.put(&number.to_le_bytes(), 30 * RESTS).await);
    }
    let (swept, claimed) = tokio::join!(store.objects.sweep(store.now, Needed::default()), async {
        let mut claimed = Vec::new();
        // The last folders come last: some of it is in time.
        all.sort_unstable_by(|a, b| b.cmp(a));
        for object in &all {
            claimed.push((*object, store.objects.claim(*object).await.is_ok()));
        }
        claimed
    });
    swept.unwrap();
    for (object, told) in claimed {
        assert_eq!(store.is_here(object).await, told);
    }
}

#[tokio::test]
async fn a_sweep_looks_again_before_it_deletes() {
    let store = Store::new();
    let object = store.put(b"old", 30 * RESTS).await;
    let known = Known { needed: HashSet::new(), inputs: HashSet::new(), rounds: HashMap::new() };
    let asked_for = store.asked_for(object);
    assert!(known.is_due(store.now, object, asked_for), "what it has seen before somebody asks");
    store.objects.claim(object).await.unwrap();
    let path = store.objects.complete_path(object);
    store.objects.delete(&path, |asked_for| known.is_due(store.now, object, asked_for)).unwrap();
    assert!(store.is_here(object).await);
}

#[tokio::test]
async fn a_sweep_waits_for_whoever_is_just_claiming() {
    let store = Store::new();
    let object = store.put(b"old", 30 * RESTS).await;
    let claims = store.objects.claims.clone();
    let claiming = claims.read().unwrap();
    let (objects, now) = (store.objects.clone(), store.now);
    let sweeping = std::thread::spawn(move || {
        let known = Known { needed: HashSet::new(), inputs: HashSet::new(), rounds: HashMap::new() };
        (0..=u8::MAX).try_for_each(|first| objects.sweep_folder(first, now, &known))
    });
    std::thread::sleep(Duration::from_millis(100));
    store.age(&store.objects.complete_path(object), Duration::ZERO);
    drop(claiming);
    sweeping.join().unwrap().unwrap();
    assert!(store.is_here(object).await);
}

#[tokio::test]
async fn a_download_under_way_goes_on_to_its_end() {
    let store = Store::new();
    let object = store.put(b"content", 30 * RESTS).await;
    let download = store.objects.get(object, 3).await.unwrap();
    store.sweep(Needed::default()).await;
    assert!(!store.is_here(object).await);
    assert_eq!(download.bytes().await.unwrap().as_ref(), b"tent");
}
