//! Programs that leave what is not a plain file, or more than they may. Nobody unpacks outputs, so a bomb is
//! what says to be large, or is counted small.

use super::*;

/// What is said of outputs that `attack` leaves behind.
async fn refusal(attack: &str) -> Option<String> {
    let mut rig = rig(spec(&format!("echo fine > /outputs/frame.png\ncd /outputs\n{attack}"))).await?;
    let end = end_of_attack(&mut rig).await;
    assert_eq!(rig.objects.len(), 1, "of the attack nothing was uploaded");
    let failure = end.failure.expect("such outputs should be refused");
    assert_eq!((failure.code.as_str(), failure.fault()), ("output-invalid", Fault::Job), "{failure:?}");
    rig.stop().await;
    Some(failure.cause)
}

async fn refused(attack: &str, because: &str) {
    if let Some(cause) = refusal(attack).await {
        assert!(cause.contains(because), "{cause}");
    }
}

#[tokio::test]
async fn a_link_to_a_file_of_the_rig() {
    refused("ln -s /etc/shadow trick", "trick is a link").await;
}

#[tokio::test]
async fn a_link_in_place_of_a_folder() {
    refused("mkdir a; ln -s ../../../../../../../../etc a/b", "a/b is a link").await;
}

#[tokio::test]
async fn a_pipe_that_nobody_writes_to() {
    refused("mkfifo pipe", "pipe is neither a file nor a folder").await;
}

#[tokio::test]
async fn names_that_mean_something_elsewhere() {
    refused("touch 'a\\..\\b'", "not portable").await;
    refused("touch \"$(printf 'a\\nb')\"", "not portable").await;
    refused("touch \"$(printf '\\033[2J')\"", "not portable").await;
    refused("touch \"$(printf '\\377')\"", "not UTF-8").await;
}

#[tokio::test]
async fn folders_in_folders_without_end() {
    refused("while mkdir d && cd d; do :; done 2>/dev/null", "32 folders").await;
}

#[tokio::test]
async fn a_file_that_says_to_be_a_tebibyte() {
    refused("dd if=/dev/zero of=sparse bs=1 count=1 seek=1099511627775", "more than 16777216 bytes").await;
}

#[tokio::test]
async fn one_file_under_many_names() {
    refused("head -c 1m /dev/zero > a; for i in $(seq 40); do ln a $i; done", "more than 16777216 bytes").await;
}

#[tokio::test]
async fn a_file_of_the_rig_cannot_be_taken_in_by_a_hard_link() {
    let attack = "
        for file in /etc/hosts /etc/passwd /bin/busybox /inputs; do
            ln $file /outputs/stolen 2>/dev/null && echo took $file
        done > /outputs/report";
    let Some(mut rig) = rig(spec(attack)).await else { return };
    assert_eq!(report_of(&mut rig).await, "");
    rig.stop().await;
}

#[tokio::test]
async fn files_that_the_worker_may_not_read_and_folders_it_may_not_enter_stop_nothing() {
    let attack = "echo x > a; mkdir b; echo y > b/c; chmod 000 a b; echo 4755 > s; chmod 6777 s; : > /outputs/report";
    let Some(mut rig) = rig(spec(&format!("cd /outputs; {attack}"))).await else { return };
    let end = end_of_attack(&mut rig).await;
    // A worker that is not root cannot read them, and says so; one that is root can.
    if let Some(failure) = end.failure {
        assert_eq!(failure.code, "output-invalid");
    }
    rig.stop().await;
}
