use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use millrace_agent::{Exit, Fault, FoundContainer, Held};
use millrace_protocol::{Address, UnixSeconds};
use millrace_seal::RegistryLogin;

use super::*;
use crate::container::{Info, LocalImage, Plan, Printed, Signal};
use crate::disk;

/// An engine with images of a hundred bytes and nothing else. What has nothing to do with images it refuses.
#[derive(Default)]
struct Images {
    /// Id by name.
    local: Mutex<BTreeMap<String, String>>,
    /// Ids of images that have lost their names.
    nameless: Mutex<BTreeSet<String>>,
    used: Mutex<BTreeSet<String>>,
    pulls: Mutex<u32>,
    looks: Mutex<u32>,
    /// What their registries give to everybody of what is here.
    offered: Mutex<BTreeSet<String>>,
    /// What a name means by now; otherwise the id that is called like it.
    moved: Mutex<BTreeMap<String, String>>,
    /// No pull comes to its end.
    stalls: bool,
    asks_nobody: bool,
}

impl Images {
    fn names(&self) -> Vec<String> {
        self.local.lock().unwrap().keys().cloned().collect()
    }

    fn put(&self, image: &str, id: &str) {
        let old = self.local.lock().unwrap().insert(image.to_owned(), id.to_owned());
        self.nameless.lock().unwrap().extend(old.filter(|old| old != id));
    }
}

impl Engine for Images {
    fn pulls(&self) -> bool {
        !self.asks_nobody
    }

    fn is_offered<'a>(
        &'a self,
        image: &'a str,
        _login: Option<&'a RegistryLogin>,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        let offered = self.offered.lock().unwrap().contains(image);
        async move { Ok(offered) }.boxed()
    }

    fn pull<'a>(
        &'a self,
        image: &'a str,
        _login: Option<&'a RegistryLogin>,
        _progress: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> BoxFuture<'a, Result<LocalImage, Error>> {
        *self.pulls.lock().unwrap() += 1;
        if self.stalls {
            return std::future::pending().boxed();
        }
        let id = self.moved.lock().unwrap().get(image).cloned().unwrap_or(format!("{image}-id"));
        self.put(image, &id);
        async { Ok(LocalImage { digest: id.clone(), id, bytes: 100, is_named: true }) }.boxed()
    }

    fn local_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Result<Option<LocalImage>, Error>> {
        *self.looks.lock().unwrap() += 1;
        let found = self.local.lock().unwrap().get(image).cloned();
        let nameless = self.nameless.lock().unwrap().contains(image).then(|| image.to_owned());
        let is_named = found.is_some() || self.local.lock().unwrap().values().any(|id| id == image);
        async move { Ok(found.or(nameless).map(|id| LocalImage { digest: id.clone(), id, bytes: 100, is_named })) }
            .boxed()
    }

    fn remove_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        let free = !self.used.lock().unwrap().contains(image);
        if free {
            let named = self.local.lock().unwrap().remove(image).is_some();
            assert!(self.nameless.lock().unwrap().remove(image) || named, "it is there");
        }
        async move { Ok(free) }.boxed()
    }

    fn info(&self) -> BoxFuture<'_, Result<Info, Error>> {
        unreachable!("nothing about images")
    }

    fn fence(&self) -> BoxFuture<'_, Result<(), Error>> {
        unreachable!("nothing about images")
    }

    fn images(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        unreachable!("it looks at its own alone")
    }

    fn create<'a>(&'a self, _plan: &'a Plan) -> BoxFuture<'a, Result<(), Error>> {
        unreachable!("nothing about images")
    }

    fn start(&self, _key: TaskKey) -> BoxFuture<'_, Result<(), Error>> {
        unreachable!("nothing about images")
    }

    fn wait(&self, _key: TaskKey) -> BoxFuture<'_, Result<Exit, Error>> {
        unreachable!("nothing about images")
    }

    fn logs(&self, _key: TaskKey) -> BoxStream<'_, Result<Printed, Error>> {
        unreachable!("nothing about images")
    }

    fn signal(&self, _key: TaskKey, _signal: Signal) -> BoxFuture<'_, Result<(), Error>> {
        unreachable!("nothing about images")
    }

    fn remove<'a>(&'a self, _container: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        unreachable!("nothing about images")
    }

    fn list(&self, _node: Address) -> BoxFuture<'_, Result<Vec<FoundContainer>, Error>> {
        unreachable!("nothing about images")
    }
}

fn key(task: u32) -> TaskKey {
    TaskKey { lease: Address([1; 32]), task, attempt: 1 }
}

async fn bring(cache: &ImageCache, engine: &Images, task: u32, image: &str) {
    cache.bring(engine, key(task), image, None, &|_| {}).await.unwrap();
}

/// Brings an image for a task that is over at once, and was so long ago.
async fn used(cache: &ImageCache, engine: &Images, image: &str, at: u64) {
    bring(cache, engine, 0, image).await;
    cache.release(key(0));
    cache.change(|ledger| ledger.touch(image, UnixSeconds(at)));
}

fn roomy(folder: &Path, images: u64, room: Room) -> ImageCache {
    let registries = Registries::new(vec!["r.example".to_owned()]);
    ImageCache::open(folder, images * 100, Clock::go_on(folder, &[], &Held::of(&[])), registries, room).unwrap()
}

async fn refusal(cache: &ImageCache, engine: &Images, image: &str) -> Option<Cause> {
    cache.bring(engine, key(0), image, None, &|_| {}).await.err().map(|failure| failure.cause)
}

fn cache(folder: &Path, images: u64) -> ImageCache {
    roomy(folder, images, Room::new([None, None], 0))
}

#[tokio::test]
async fn an_image_that_came_with_a_login_is_asked_for_again_under_any_of_its_names() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), Images::default());
    let cache = cache(folder.path(), 9);
    let login = RegistryLogin { host: "r.example".to_owned(), username: "a".to_owned(), password: "b".to_owned() };
    cache.bring(&engine, key(0), "r.example/a", Some(&login), &|_| {}).await.unwrap();
    assert_eq!(*engine.pulls.lock().unwrap(), 1);
    // Another name that somebody gave it means the same image.
    engine.put("other", "r.example/a-id");
    assert_eq!(refusal(&cache, &engine, "other").await, Some(Cause::PullFailed));
    // Over a restart too; what came without a login is everybody's.
    let cache = self::cache(folder.path(), 9);
    bring(&cache, &engine, 2, "r.example/a").await;
    assert_eq!(*engine.pulls.lock().unwrap(), 2);
    bring(&cache, &engine, 3, "r.example/a").await;
    assert_eq!(*engine.pulls.lock().unwrap(), 2, "its registry gave it to somebody without a login");
}

#[tokio::test]
async fn the_engine_is_asked_once_what_a_name_means_and_told_by_the_pull_what_it_means_then() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), Images::default());
    let cache = cache(folder.path(), 9);
    for task in [0, 1] {
        bring(&cache, &engine, task, "a:1").await;
    }
    assert_eq!((*engine.pulls.lock().unwrap(), *engine.looks.lock().unwrap()), (1, 2));
    assert_eq!(cache.sums().0, 1);
}

#[tokio::test]
async fn what_the_owner_has_is_used_only_where_its_registry_gives_it_to_the_buyer_or_nobody_is_asked() {
    let (folder, mut engine) = (tempfile::tempdir().unwrap(), Images::default());
    let cache = cache(folder.path(), 9);
    engine.put("own/model:1", "own-id");
    assert_eq!(refusal(&cache, &engine, "own/model:1").await, Some(Cause::PullFailed));
    assert_eq!((*engine.pulls.lock().unwrap(), cache.sums().0), (0, 0), "the owner's name means what it did");
    engine.offered.lock().unwrap().insert("own/model:1".to_owned());
    assert_eq!(refusal(&cache, &engine, "own/model:1").await, None);
    engine.offered.lock().unwrap().clear();
    engine.asks_nobody = true;
    assert_eq!(refusal(&cache, &engine, "own/model:1").await, None);
    // Rebuilt by the owner under a name that the worker has pulled.
    engine.asks_nobody = false;
    bring(&cache, &engine, 1, "tool").await;
    engine.put("tool", "the owner's");
    assert_eq!(refusal(&cache, &engine, "tool").await, Some(Cause::PullFailed));
}

#[tokio::test]
async fn nothing_is_had_by_its_id_or_from_a_registry_near_the_rig() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), Images { asks_nobody: true, ..Images::default() });
    let cache = cache(folder.path(), 9);
    engine.put("e7d92cdc71fe", "e7d92cdc71fe");
    assert_eq!(refusal(&cache, &engine, "e7d92cdc71fe").await, Some(Cause::ImageInvalid));
    let engine = Images::default();
    assert_eq!(refusal(&cache, &engine, "192.168.1.1:443/x").await, Some(Cause::RegistryForbidden));
    assert_eq!(*engine.pulls.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_name_that_moves_on_leaves_its_old_image_to_be_removed() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), Images::default());
    let cache = cache(folder.path(), 1);
    let login = RegistryLogin { host: "r.example".to_owned(), username: "a".to_owned(), password: "b".to_owned() };
    for (task, id) in [(0, "first"), (1, "second"), (2, "third")] {
        engine.moved.lock().unwrap().insert("r.example/a".to_owned(), id.to_owned());
        cache.bring(&engine, key(task), "r.example/a", Some(&login), &|_| {}).await.unwrap();
    }
    let ids = [0, 1, 2, 9].map(|task| cache.id_of(key(task)));
    assert_eq!(ids, [Some("first".to_owned()), Some("second".to_owned()), Some("third".to_owned()), None]);
    assert_eq!(engine.nameless.lock().unwrap().len(), 2, "their tasks were told of them and are to run them");
    (0..2).for_each(|task| cache.release(key(task)));
    cache.evict(&engine).await;
    assert!(engine.nameless.lock().unwrap().is_empty(), "each old one goes when the cache is full");
    assert_eq!((engine.names(), cache.sums().0), (vec!["r.example/a".to_owned()], 1));
    // One that its owner has given a name stays.
    engine.put("own", "third");
    cache.release(key(2));
    engine.moved.lock().unwrap().insert("r.example/a".to_owned(), "fourth".to_owned());
    cache.bring(&engine, key(3), "r.example/a", Some(&login), &|_| {}).await.unwrap();
    assert_eq!(engine.names(), ["own", "r.example/a"]);
    assert!(engine.nameless.lock().unwrap().contains("third") && cache.sums().0 == 1);
}

#[tokio::test]
async fn an_image_whose_pull_was_broken_off_is_the_workers_if_it_came_all_the_same() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), Images { stalls: true, ..Images::default() });
    let first = cache(folder.path(), 0);
    let broken_off = std::time::Duration::from_millis(50);
    for image in ["came", "never-came"] {
        let brought = first.bring(&engine, key(1), image, None, &|_| {});
        assert!(tokio::time::timeout(broken_off, brought).await.is_err());
        first.release(key(1));
    }
    engine.put("came", "came-id");
    assert_eq!(first.sums().0, 0, "what is not known to be there does not count");
    // A worker that was killed in between knows it, too.
    let next = cache(folder.path(), 0);
    next.evict(&engine).await;
    assert!(engine.names().is_empty(), "{:?}", engine.names());
    engine.put("never-came", "the owner's");
    next.evict(&engine).await;
    assert_eq!(engine.names(), ["never-came"], "it came later, and not by the worker");
}

#[tokio::test]
async fn a_disk_that_is_full_before_the_pull_is_the_rigs_fault_and_during_it_the_images() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), Images::default());
    let full = Room::new([Some(folder.path().to_owned()), None], u64::MAX);
    let cache = roomy(folder.path(), 9, full);
    assert_eq!(refusal(&cache, &engine, "probe").await, Some(Cause::DiskFull));
    assert_eq!(*engine.pulls.lock().unwrap(), 0);
    assert_eq!((Cause::DiskFull.fault(), Cause::ImageTooLarge.fault()), (Fault::Node, Fault::Buyer));
}

#[tokio::test]
async fn a_pull_is_broken_off_while_what_else_runs_goes_on() {
    // In memory, where few others write meanwhile.
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let engine = Images { stalls: true, ..Images::default() };
    let reserve = disk::free_bytes(folder.path()).unwrap() - (8 << 20);
    let cache = roomy(folder.path(), 9, Room::new([None, Some(folder.path().to_owned())], reserve));
    let layer = std::fs::File::create(folder.path().join("layer")).unwrap();
    let unpacked = async {
        while *engine.pulls.lock().unwrap() == 0 {
            tokio::task::yield_now().await;
        }
        rustix::fs::fallocate(&layer, rustix::fs::FallocateFlags::empty(), 0, 16 << 20).unwrap();
    };
    let (refused, ()) = tokio::join!(refusal(&cache, &engine, "bomb"), unpacked);
    assert_eq!(refused, Some(Cause::ImageTooLarge));
    assert_eq!(disk::exhausted(folder.path(), reserve), None, "no task that runs has to end for it");
    // No other is begun before that is gone.
    assert_eq!(refusal(&cache, &engine, "next").await, Some(Cause::DiskFull));
    assert_eq!(*engine.pulls.lock().unwrap(), 1);
}

#[tokio::test]
async fn the_least_recently_used_image_goes_first() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), Images::default());
    let cache = cache(folder.path(), 2);
    for (image, at) in [("a:1", 10), ("b:1", 20), ("a:1", 30)] {
        used(&cache, &engine, image, at).await;
    }
    bring(&cache, &engine, 1, "c:1").await;
    assert_eq!(engine.names(), ["a:1", "c:1"]);
    assert_eq!((*engine.pulls.lock().unwrap(), cache.sums()), (3, (2, 200, 200)));
}

#[tokio::test]
async fn what_the_owner_put_there_stays_whatever_the_budget_is() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), Images::default());
    let cache = cache(folder.path(), 0);
    engine.put("own", "own-id");
    engine.offered.lock().unwrap().insert("own".to_owned());
    used(&cache, &engine, "own", 1).await;
    cache.evict(&engine).await;
    assert_eq!((engine.names(), cache.sums()), (vec!["own".to_owned()], (0, 0, 0)));

    // Pulled by the worker, and rebuilt by the owner under the same name since.
    bring(&cache, &engine, 0, "tool").await;
    engine.put("tool", "the owner's");
    cache.release(key(0));
    cache.evict(&engine).await;
    assert_eq!(engine.names(), ["own", "tool"]);
    assert_eq!(cache.sums(), (0, 0, 0), "it is not the worker's any more");
}

#[tokio::test]
async fn an_image_in_use_stays_with_a_container_and_before_it_has_one() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), Images::default());
    let cache = cache(folder.path(), 1);
    bring(&cache, &engine, 1, "pinned").await;
    used(&cache, &engine, "running", 1).await;
    engine.used.lock().unwrap().insert("running".to_owned());
    bring(&cache, &engine, 2, "new").await;
    assert_eq!(engine.names(), ["new", "pinned", "running"]);
    engine.used.lock().unwrap().clear();
    cache.release(key(1));
    cache.evict(&engine).await;
    assert_eq!(engine.names(), ["new"]);
}

#[tokio::test]
async fn the_next_worker_knows_what_the_last_one_pulled_and_trusts_no_damaged_list() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), Images::default());
    used(&cache(folder.path(), 5), &engine, "a:1", 1).await;
    let next = cache(folder.path(), 0);
    next.evict(&engine).await;
    assert!(engine.names().is_empty());

    used(&cache(folder.path(), 5), &engine, "a:1", 1).await;
    std::fs::write(folder.path().join("images"), "{\"a\": ").unwrap();
    cache(folder.path(), 0).evict(&engine).await;
    assert_eq!(engine.names(), ["a:1"]);
}
