use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use millrace_agent::{Exit, FoundContainer};
use millrace_protocol::{Address, UnixSeconds};
use millrace_seal::RegistryLogin;

use super::*;
use crate::container::{Info, LocalImage, Plan, Signal};

/// An engine with images of a hundred bytes and nothing else. What has nothing to do with images it refuses.
#[derive(Default)]
struct Images {
    /// Id by name.
    local: Mutex<BTreeMap<String, String>>,
    used: Mutex<BTreeSet<String>>,
    pulls: Mutex<u32>,
}

impl Images {
    fn names(&self) -> Vec<String> {
        self.local.lock().unwrap().keys().cloned().collect()
    }

    fn put(&self, image: &str, id: &str) {
        self.local.lock().unwrap().insert(image.to_owned(), id.to_owned());
    }
}

impl Engine for Images {
    fn find_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Result<Option<String>, Error>> {
        let found = self.local.lock().unwrap().get(image).cloned();
        async { Ok(found) }.boxed()
    }

    fn pull<'a>(
        &'a self,
        image: &'a str,
        _login: Option<&'a RegistryLogin>,
        _progress: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> BoxFuture<'a, Result<String, Error>> {
        *self.pulls.lock().unwrap() += 1;
        let id = format!("{image}-id");
        self.put(image, &id);
        async { Ok(id) }.boxed()
    }

    fn local_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Result<Option<LocalImage>, Error>> {
        let found = self.local.lock().unwrap().get(image).cloned();
        async { Ok(found.map(|id| LocalImage { id, bytes: 100 })) }.boxed()
    }

    fn remove_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        let free = !self.used.lock().unwrap().contains(image);
        if free {
            self.local.lock().unwrap().remove(image).expect("it is there");
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

    fn logs(&self, _key: TaskKey) -> BoxStream<'_, Result<Bytes, Error>> {
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

fn cache(folder: &Path, images: u64) -> ImageCache {
    ImageCache::open(folder, images * 100, Clock::open(folder, &[])).unwrap()
}

#[tokio::test]
async fn an_image_that_came_with_a_login_is_asked_for_again_under_any_of_its_names() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), Images::default());
    let cache = cache(folder.path(), 9);
    let login = RegistryLogin { host: "r.example".to_owned(), username: "a".to_owned(), password: "b".to_owned() };
    cache.bring(&engine, key(0), "r.example/a", Some(&login), &|_| {}).await.unwrap();
    assert_eq!(*engine.pulls.lock().unwrap(), 1);
    // Its id, and another name that somebody gave it, mean the same image.
    for name in ["r.example/a", "r.example/a-id", "other"] {
        let before = *engine.pulls.lock().unwrap();
        engine.put(name, "r.example/a-id");
        bring(&cache, &engine, 1, name).await;
        assert_eq!(*engine.pulls.lock().unwrap(), before + 1, "{name}");
        // The pull gave the name a meaning of its own, and needed no login.
        cache.change(|ledger| ledger.note("r.example/a", guarded()));
    }
    // Over a restart too; what came without a login is everybody's.
    let cache = self::cache(folder.path(), 9);
    engine.put("r.example/a", "r.example/a-id");
    bring(&cache, &engine, 2, "r.example/a").await;
    assert_eq!(*engine.pulls.lock().unwrap(), 5);
    bring(&cache, &engine, 3, "r.example/a").await;
    assert_eq!(*engine.pulls.lock().unwrap(), 5, "its registry gave it to somebody without a login");
}

fn guarded() -> Record {
    Record { id: "r.example/a-id".to_owned(), bytes: 100, used_at: UnixSeconds(1), guarded: true }
}

#[tokio::test]
async fn the_least_recently_used_image_goes_first() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), Images::default());
    let cache = cache(folder.path(), 2);
    for (image, at) in [("a", 10), ("b", 20), ("a", 30)] {
        used(&cache, &engine, image, at).await;
    }
    bring(&cache, &engine, 1, "c").await;
    assert_eq!(engine.names(), ["a", "c"]);
    assert_eq!((*engine.pulls.lock().unwrap(), cache.sums()), (3, (2, 200, 200)));
}

#[tokio::test]
async fn what_the_owner_put_there_stays_whatever_the_budget_is() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), Images::default());
    let cache = cache(folder.path(), 0);
    engine.put("own", "own-id");
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
    used(&cache(folder.path(), 5), &engine, "a", 1).await;
    let next = cache(folder.path(), 0);
    next.evict(&engine).await;
    assert!(engine.names().is_empty());

    used(&cache(folder.path(), 5), &engine, "a", 1).await;
    std::fs::write(folder.path().join("images"), "{\"a\": ").unwrap();
    cache(folder.path(), 0).evict(&engine).await;
    assert_eq!(engine.names(), ["a"]);
}
