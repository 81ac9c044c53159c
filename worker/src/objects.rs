//! The object endpoint, as the worker needs it.

use std::path::Path;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use millrace_link::objects::{Error, ObjectClient};
use millrace_spec::ObjectRef;

/// Brings content to the rig and takes it away.
pub trait Objects: Send + Sync + 'static {
    /// Afterwards `path` holds exactly the object.
    fn fetch<'a>(&'a self, object: &'a ObjectRef, path: &'a Path) -> BoxFuture<'a, Result<(), Error>>;

    /// Of a file that nobody has tried to store before.
    fn store<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<ObjectRef, Error>>;

    /// Goes on with what was begun, by this worker or by one before it.
    fn store_again<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<ObjectRef, Error>>;
}

impl Objects for ObjectClient {
    fn fetch<'a>(&'a self, object: &'a ObjectRef, path: &'a Path) -> BoxFuture<'a, Result<(), Error>> {
        self.get_to_file(object, path).boxed()
    }

    fn store<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<ObjectRef, Error>> {
        self.put_new_file(path).boxed()
    }

    fn store_again<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<ObjectRef, Error>> {
        self.put_file_again(path).boxed()
    }
}
