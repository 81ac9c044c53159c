use std::convert::Infallible;

use futures_util::{Stream, StreamExt, stream};
use millrace_protocol::Address;
use millrace_spec::{ObjectRef, sha256};

use super::*;

fn body(pieces: &[&[u8]]) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin + Send + 'static {
    let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces)
}

fn object(content: &[u8]) -> ObjectRef {
    ObjectRef { sha256: sha256(content), size: content.len() as u64 }
}

fn part(object: ObjectRef, from: u64, length: u64) -> Piece {
    Piece { from, length, total: object.size }
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
    assert_eq!(
        objects.put(whole.sha256, part(whole, 0, 6), None, body(&[b"hel", b"lo "])).await.unwrap(),
        Stored::Partial(6)
    );
    assert_eq!(objects.uploaded(whole.sha256, None).await, 6);
    assert!(matches!(objects.size(whole.sha256).await, Err(Error::NotFound(_))));
    assert_eq!(objects.put(whole.sha256, part(whole, 6, 5), None, body(&[b"world"])).await.unwrap(), Stored::Complete);
    assert_eq!(objects.size(whole.sha256).await.unwrap(), 11);
    assert_eq!(objects.uploaded(whole.sha256, None).await, 0);
    assert_eq!(objects.get_bytes(whole.sha256, 100).await.unwrap().as_ref(), b"hello world");
    let rest = objects.get(whole.sha256, 6).await.unwrap().bytes().await.unwrap();
    assert_eq!(rest.as_ref(), b"world");
}

#[tokio::test]
async fn what_is_there_already_is_not_taken_again() {
    let (_folder, objects) = open();
    let whole = object(b"once");
    for _ in 0..2 {
        assert_eq!(
            objects.put(whole.sha256, part(whole, 0, 4), None, body(&[b"once"])).await.unwrap(),
            Stored::Complete
        );
    }
    let empty = object(b"");
    assert_eq!(objects.put(empty.sha256, part(empty, 0, 0), None, body(&[])).await.unwrap(), Stored::Complete);
}

#[tokio::test]
async fn a_wrong_hash_is_refused_and_deleted() {
    let (folder, objects) = open();
    let promised = object(b"promised");
    let error = objects.put(promised.sha256, part(promised, 0, 8), None, body(&[b"lied for"])).await.unwrap_err();
    assert!(matches!(error, Error::HashMismatch { .. }));
    assert_eq!(objects.uploaded(promised.sha256, None).await, 0);
    assert_eq!(std::fs::read_dir(folder.path().join("uploads")).unwrap().count(), 0);
    assert_eq!(
        objects.put(promised.sha256, part(promised, 0, 8), None, body(&[b"promised"])).await.unwrap(),
        Stored::Complete
    );
}

#[tokio::test]
async fn gaps_overlong_pieces_and_large_objects_are_refused() {
    let (_folder, objects) = open();
    let whole = object(b"0123456789");
    let gap = objects.put(whole.sha256, part(whole, 5, 5), None, body(&[b"56789"])).await.unwrap_err();
    assert!(matches!(gap, Error::Gap { from: 5, stored: 0 }));
    let long = objects.put(whole.sha256, part(whole, 0, 3), None, body(&[b"0123"])).await.unwrap_err();
    assert!(matches!(long, Error::PieceTooLong));
    assert_eq!(objects.uploaded(whole.sha256, None).await, 0);
    let large = ObjectRef { size: 1_001, ..whole };
    let large = objects.put(large.sha256, part(large, 0, 1), None, body(&[b"0"])).await.unwrap_err();
    assert!(matches!(large, Error::TooLarge { size: 1_001, maximum: 1_000 }));
}

#[tokio::test]
async fn a_broken_upload_goes_on_where_it_broke() {
    let (_folder, objects) = open();
    let whole = object(b"0123456789");
    let broken = stream::iter([Ok(Bytes::from_static(b"0123")), Err("connection reset")]);
    assert!(matches!(objects.put(whole.sha256, part(whole, 0, 10), None, broken).await, Err(Error::BrokenOff)));
    assert_eq!(objects.uploaded(whole.sha256, None).await, 4);
    assert_eq!(objects.put(whole.sha256, part(whole, 4, 6), None, body(&[b"456789"])).await.unwrap(), Stored::Complete);
}

#[tokio::test]
async fn two_uploads_of_one_object_at_once_do_not_mix() {
    let (_folder, objects) = open();
    let whole = object(b"0123456789");
    let put = || objects.put(whole.sha256, part(whole, 0, 10), None, body(&[b"01234", b"56789"]));
    let (one, other) = tokio::join!(put(), put());
    assert_eq!((one.unwrap(), other.unwrap()), (Stored::Complete, Stored::Complete));
}

#[tokio::test]
async fn uploads_leave_room_for_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    // No disk has so much, so this one is full.
    let objects = Objects::with_limits(folder.path(), 1_000, u64::MAX).unwrap();
    let refused = objects
        .put(object(b"0123456789").sha256, part(object(b"0123456789"), 0, 10), None, body(&[b"0123456789"]))
        .await;
    assert!(matches!(refused, Err(Error::Full)));
    assert_eq!(objects.uploaded(sha256(b"0123456789"), None).await, 0);
}

#[tokio::test]
async fn an_upload_that_stands_still_does_not_keep_others_out() {
    let (_folder, objects) = open();
    let objects = Objects { stall: std::time::Duration::from_millis(50), ..objects };
    let whole = object(b"0123456789");
    let hanging = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"0123"))]).chain(stream::pending());
    let (hung, other) = tokio::join!(objects.put(whole.sha256, part(whole, 0, 10), None, Box::pin(hanging)), async {
        objects.put(whole.sha256, part(whole, 4, 6), None, body(&[b"456789"])).await
    });
    assert!(matches!(hung, Err(Error::BrokenOff)));
    assert_eq!(other.unwrap(), Stored::Complete);
}

const OWNER: Address = Address([7; 32]);

fn staged(number: u8) -> StagedId {
    StagedId { owner: OWNER, id: sha256(&[number]) }
}

#[tokio::test]
async fn an_upload_that_begins_without_a_hash_gets_it_with_its_last_piece() {
    let (folder, objects) = open();
    let whole = object(b"0123456789");
    assert_eq!(objects.stage(staged(1), part(whole, 0, 4), body(&[b"01", b"23"])).await.unwrap(), 4);
    assert_eq!(objects.stage(staged(1), part(whole, 4, 4), body(&[b"4567"])).await.unwrap(), 8);
    assert_eq!(objects.uploaded(whole.sha256, None).await, 0, "nobody is told whose it will be");
    assert_eq!(objects.uploaded(whole.sha256, Some(staged(1))).await, 8);
    let stored = objects.put(whole.sha256, part(whole, 8, 2), Some(staged(1)), body(&[b"89"])).await.unwrap();
    assert_eq!(stored, Stored::Complete);
    assert_eq!(objects.get_bytes(whole.sha256, 100).await.unwrap().as_ref(), b"0123456789");
    assert!(!staged(1).path(&folder.path().join("staged")).exists());
    // Its answer was lost: asked again, it is there.
    let again = objects.put(whole.sha256, part(whole, 8, 2), Some(staged(1)), body(&[b"89"])).await.unwrap();
    assert_eq!(again, Stored::Complete);
}

#[tokio::test]
async fn a_staged_upload_with_another_hash_than_named_is_refused_and_deleted() {
    let (folder, objects) = open();
    let promised = object(b"0123456789");
    objects.stage(staged(1), part(promised, 0, 4), body(&[b"xxxx"])).await.unwrap();
    let put = objects.put(promised.sha256, part(promised, 4, 6), Some(staged(1)), body(&[b"456789"])).await;
    assert!(matches!(put, Err(Error::HashMismatch { .. })));
    assert_eq!(objects.uploaded(promised.sha256, Some(staged(1))).await, 0);
    assert!(matches!(objects.size(promised.sha256).await, Err(Error::NotFound(_))));
    assert_eq!(std::fs::read_dir(folder.path().join("uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_staged_upload_is_its_owners_alone() {
    let (_folder, objects) = open();
    let whole = object(b"0123456789");
    objects.stage(staged(1), part(whole, 0, 8), body(&[b"01234567"])).await.unwrap();
    let stranger = StagedId { owner: Address([8; 32]), ..staged(1) };
    assert_eq!(objects.uploaded(whole.sha256, Some(stranger)).await, 0);
    let put = objects.put(whole.sha256, part(whole, 8, 2), Some(stranger), body(&[b"89"])).await;
    assert!(matches!(put, Err(Error::Gap { from: 8, stored: 0 })));
    assert_eq!(objects.uploaded(whole.sha256, Some(staged(1))).await, 8);
}

#[tokio::test]
async fn staged_gaps_overlong_pieces_and_large_uploads_are_refused() {
    let (_folder, objects) = open();
    let whole = object(b"0123456789");
    let gap = objects.stage(staged(1), part(whole, 5, 5), body(&[b"56789"])).await;
    assert!(matches!(gap, Err(Error::Gap { from: 5, stored: 0 })));
    let long = objects.stage(staged(1), part(whole, 0, 3), body(&[b"0123"])).await;
    assert!(matches!(long, Err(Error::PieceTooLong)));
    let longer = objects.stage(staged(1), part(whole, 0, 20), body(&[b"0123456789a"])).await;
    assert!(matches!(longer, Err(Error::PieceTooLong)), "longer than all of it");
    assert_eq!(objects.uploaded(whole.sha256, Some(staged(1))).await, 0);
    let large = objects.stage(staged(1), Piece { total: 1_001, ..part(whole, 0, 1) }, body(&[b"0"])).await;
    assert!(matches!(large, Err(Error::TooLarge { size: 1_001, maximum: 1_000 })));
}

#[tokio::test]
async fn a_staged_upload_goes_on_where_it_broke_also_after_a_restart() {
    let (folder, objects) = open();
    let whole = object(b"0123456789");
    let broken = stream::iter([Ok(Bytes::from_static(b"0123")), Err("connection reset")]);
    assert!(matches!(objects.stage(staged(1), part(whole, 0, 8), broken).await, Err(Error::BrokenOff)));
    assert_eq!(objects.stage(staged(1), part(whole, 4, 2), body(&[b"45"])).await.unwrap(), 6);
    drop(objects);
    let objects = Objects::with_limits(folder.path(), 1_000, 0).unwrap();
    assert_eq!(objects.uploaded(whole.sha256, Some(staged(1))).await, 6);
    let stored = objects.put(whole.sha256, part(whole, 6, 4), Some(staged(1)), body(&[b"6789"])).await.unwrap();
    assert_eq!(stored, Stored::Complete);
    assert_eq!(objects.get_bytes(whole.sha256, 100).await.unwrap().as_ref(), b"0123456789");
}

#[tokio::test]
async fn what_is_left_of_a_torn_write_is_found_by_its_hash() {
    let (folder, objects) = open();
    let whole = object(b"0123456789");
    objects.stage(staged(1), part(whole, 0, 8), body(&[b"01234567"])).await.unwrap();
    // What a machine that lost power may show: the length, without the bytes.
    std::fs::write(staged(1).path(&folder.path().join("staged")), [0; 8]).unwrap();
    let objects = Objects::with_limits(folder.path(), 1_000, 0).unwrap();
    let put = objects.put(whole.sha256, part(whole, 8, 2), Some(staged(1)), body(&[b"89"])).await;
    assert!(matches!(put, Err(Error::HashMismatch { .. })));
}

#[tokio::test]
async fn uploads_without_a_hash_are_counted_and_leave_room_for_the_journal() {
    let (folder, objects) = open();
    let whole = object(b"0123456789");
    let most = u8::try_from(staged::PER_KEY).unwrap();
    for number in 0..most {
        objects.stage(staged(number), part(whole, 0, 1), body(&[b"0"])).await.unwrap();
    }
    let more = objects.stage(staged(most), part(whole, 0, 1), body(&[b"0"])).await;
    assert!(matches!(more, Err(Error::TooManyUploads)));
    assert_eq!(objects.stage(staged(0), part(whole, 1, 1), body(&[b"1"])).await.unwrap(), 2, "what is begun goes on");
    let other = StagedId { owner: Address([8; 32]), ..staged(most) };
    objects.stage(other, part(whole, 0, 1), body(&[b"0"])).await.unwrap();
    let full = Objects::with_limits(folder.path(), 1_000, u64::MAX).unwrap();
    assert!(matches!(full.stage(other, part(whole, 1, 1), body(&[b"1"])).await, Err(Error::Full)));
}

#[tokio::test]
async fn uploads_that_nobody_goes_on_with_are_deleted_and_others_are_not() {
    let (folder, objects) = open();
    let (whole, fresh) = (object(b"0123456789"), object(b"fresh"));
    objects.put(fresh.sha256, part(fresh, 0, 5), None, body(&[b"fresh"])).await.unwrap();
    objects.stage(staged(1), part(whole, 0, 1), body(&[b"0"])).await.unwrap();
    objects.put(whole.sha256, part(whole, 0, 2), None, body(&[b"01"])).await.unwrap();
    let hours = |hours: u64| SystemTime::now() + Duration::from_secs(hours * 3_600);
    objects.sweep_uploads(hours(23)).await.unwrap();
    assert_eq!(objects.uploaded(whole.sha256, Some(staged(1))).await, 2);
    let objects = Objects::with_limits(folder.path(), 1_000, 0).unwrap();
    objects.sweep_uploads(hours(25)).await.unwrap();
    assert_eq!(objects.uploaded(whole.sha256, Some(staged(1))).await, 0);
    assert_eq!(std::fs::read_dir(folder.path().join("staged")).unwrap().count(), 0, "nor is their owner's folder left");
    assert_eq!(objects.size(fresh.sha256).await.unwrap(), 5);
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_still_written_whole() {
    let (_folder, objects) = open();
    let whole = object(b"0123456789");
    let slow = stream::iter([b"01234", b"56789"]).then(|part| async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok::<_, Infallible>(Bytes::from_static(part))
    });
    let put = objects.put(whole.sha256, part(whole, 0, 10), None, Box::pin(slow));
    assert!(tokio::time::timeout(Duration::from_millis(10), put).await.is_err(), "its client hangs up");
    let after = objects.put(whole.sha256, part(whole, 0, 10), None, body(&[b"0123456789"])).await.unwrap();
    assert_eq!(after, Stored::Complete);
    assert_eq!(objects.get_bytes(whole.sha256, 100).await.unwrap().as_ref(), b"0123456789");
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
