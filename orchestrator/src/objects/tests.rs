use std::convert::Infallible;

use futures_util::stream;
use millrace_spec::sha256;

use super::*;

fn body(pieces: &[&[u8]]) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
    let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces)
}

fn object(content: &[u8]) -> ObjectRef {
    ObjectRef { sha256: sha256(content), size: content.len() as u64 }
}

fn open() -> (tempfile::TempDir, Objects) {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::with_limits(folder.path(), 1_000, 0).unwrap();
    (folder, objects)
}

#[tokio::test]
async fn an_object_arrives_in_pieces_and_is_read_from_anywhere() {
    let (_folder, objects) = open();
    let whole = object(b"hello world");
    assert_eq!(objects.put(whole, 0, 6, body(&[b"hel", b"lo "])).await.unwrap(), Stored::Partial(6));
    assert_eq!(objects.uploaded(whole.sha256).await, 6);
    assert!(matches!(objects.size(whole.sha256).await, Err(Error::NotFound(_))));
    assert_eq!(objects.put(whole, 6, 5, body(&[b"world"])).await.unwrap(), Stored::Complete);
    assert_eq!(objects.size(whole.sha256).await.unwrap(), 11);
    assert_eq!(objects.uploaded(whole.sha256).await, 0);
    assert_eq!(objects.get_bytes(whole.sha256, 100).await.unwrap().as_ref(), b"hello world");
    let rest = objects.get(whole.sha256, 6).await.unwrap().bytes().await.unwrap();
    assert_eq!(rest.as_ref(), b"world");
}

#[tokio::test]
async fn what_is_there_already_is_not_taken_again() {
    let (_folder, objects) = open();
    let whole = object(b"once");
    for _ in 0..2 {
        assert_eq!(objects.put(whole, 0, 4, body(&[b"once"])).await.unwrap(), Stored::Complete);
    }
    let empty = object(b"");
    assert_eq!(objects.put(empty, 0, 0, body(&[])).await.unwrap(), Stored::Complete);
}

#[tokio::test]
async fn a_wrong_hash_is_refused_and_deleted() {
    let (folder, objects) = open();
    let promised = object(b"promised");
    let error = objects.put(promised, 0, 8, body(&[b"lied for"])).await.unwrap_err();
    assert!(matches!(error, Error::HashMismatch { .. }));
    assert_eq!(objects.uploaded(promised.sha256).await, 0);
    assert_eq!(std::fs::read_dir(folder.path().join("uploads")).unwrap().count(), 0);
    assert_eq!(objects.put(promised, 0, 8, body(&[b"promised"])).await.unwrap(), Stored::Complete);
}

#[tokio::test]
async fn gaps_overlong_pieces_and_large_objects_are_refused() {
    let (_folder, objects) = open();
    let whole = object(b"0123456789");
    let gap = objects.put(whole, 5, 5, body(&[b"56789"])).await.unwrap_err();
    assert!(matches!(gap, Error::Gap { from: 5, stored: 0 }));
    let long = objects.put(whole, 0, 3, body(&[b"0123"])).await.unwrap_err();
    assert!(matches!(long, Error::PieceTooLong));
    assert_eq!(objects.uploaded(whole.sha256).await, 0);
    let large = ObjectRef { size: 1_001, ..whole };
    let large = objects.put(large, 0, 1, body(&[b"0"])).await.unwrap_err();
    assert!(matches!(large, Error::TooLarge { size: 1_001, maximum: 1_000 }));
}

#[tokio::test]
async fn a_broken_upload_goes_on_where_it_broke() {
    let (_folder, objects) = open();
    let whole = object(b"0123456789");
    let broken = stream::iter([Ok(Bytes::from_static(b"0123")), Err("connection reset")]);
    assert!(matches!(objects.put(whole, 0, 10, broken).await, Err(Error::BrokenOff)));
    assert_eq!(objects.uploaded(whole.sha256).await, 4);
    assert_eq!(objects.put(whole, 4, 6, body(&[b"456789"])).await.unwrap(), Stored::Complete);
}

#[tokio::test]
async fn two_uploads_of_one_object_at_once_do_not_mix() {
    let (_folder, objects) = open();
    let whole = object(b"0123456789");
    let put = || objects.put(whole, 0, 10, body(&[b"01234", b"56789"]));
    let (one, other) = tokio::join!(put(), put());
    assert_eq!((one.unwrap(), other.unwrap()), (Stored::Complete, Stored::Complete));
}

#[tokio::test]
async fn uploads_leave_room_for_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    // No disk has so much, so this one is full.
    let objects = Objects::with_limits(folder.path(), 1_000, u64::MAX).unwrap();
    let refused = objects.put(object(b"0123456789"), 0, 10, body(&[b"0123456789"])).await;
    assert!(matches!(refused, Err(Error::Full)));
    assert_eq!(objects.uploaded(sha256(b"0123456789")).await, 0);
}

#[tokio::test]
async fn an_upload_that_stands_still_does_not_keep_others_out() {
    let (_folder, objects) = open();
    let objects = Objects { stall: std::time::Duration::from_millis(50), ..objects };
    let whole = object(b"0123456789");
    let hanging = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"0123"))]).chain(stream::pending());
    let (hung, other) = tokio::join!(objects.put(whole, 0, 10, Box::pin(hanging)), async {
        objects.put(whole, 4, 6, body(&[b"456789"])).await
    });
    assert!(matches!(hung, Err(Error::BrokenOff)));
    assert_eq!(other.unwrap(), Stored::Complete);
}

#[test]
fn a_full_disk_is_found_along_the_chain_of_causes() {
    let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
    assert_eq!(Error::from(full()).code(), "disk-full");
    let wrapped = object_store::Error::Generic { store: "local", source: Box::new(full()) };
    assert_eq!(Error::from(wrapped).code(), "disk-full");
    let other = object_store::Error::Generic { store: "local", source: "something else".into() };
    assert_eq!(Error::from(other).code(), "object-store-failed");
}
