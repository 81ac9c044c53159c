use crate::run::millrace;

/// Started by hand it has no worker to answer to, and says so.
#[test]
fn a_prover_answers_nobody_but_a_worker() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(millrace(folder.path(), &["worker", "prove"]));
}
