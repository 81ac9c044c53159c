use std::future::poll_fn;
use std::time::{Duration, SystemTime};

use tokio::process::Command;
use tokio::time::timeout;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::transport::Endpoint;

use super::Finding;

const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds by which two clocks may differ here. At 300 the orchestrator refuses what the worker signs
/// (`millrace_link::auth::CLOCK_TOLERANCE_SECONDS`).
const APART: u64 = 30;
/// What is asked; an orchestrator knows no such question, and says so with its date.
const QUESTION: &str = "/millrace.link.v1.Link/Date";

/// Whether something keeps the clock right; `None` where nobody here can say.
pub(super) async fn synchronised() -> Option<bool> {
    let systemd = ["timedatectl", "show", "--property=NTPSynchronized", "--value"];
    match answer(&systemd).await?.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

async fn answer(command: &[&str]) -> Option<String> {
    let output = Command::new(command[0]).args(&command[1..]).output().await.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Seconds by which this clock is ahead of the orchestrator's, by the `Date` of an answer (RFC 9110, 6.6.1); `None`
/// where it does not answer.
pub(super) async fn ahead(url: &str) -> Option<i64> {
    let asked = timeout(PATIENCE, async {
        let mut channel = Endpoint::from_shared(url.to_owned()).ok()?.connect().await.ok()?;
        poll_fn(|context| channel.poll_ready(context)).await.ok()?;
        let question =
            http::Request::post(QUESTION).header("content-type", "application/grpc").header("te", "trailers");
        let answer = channel.call(question.body(Body::empty()).ok()?).await.ok()?;
        httpdate::parse_http_date(answer.headers().get("date")?.to_str().ok()?).ok()
    });
    let told = asked.await.ok().flatten()?;
    let seconds = |difference: Duration| i64::try_from(difference.as_secs()).unwrap_or(i64::MAX);
    Some(match SystemTime::now().duration_since(told) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    })
}

pub(super) fn judge(synchronised: Option<bool>, ahead: Option<i64>) -> Finding {
    const SUBJECT: &str = "clock";
    if let Some(ahead) = ahead.filter(|ahead| ahead.unsigned_abs() > APART) {
        let side = if ahead < 0 { "behind" } else { "ahead of" };
        let found = format!("{} s {side} the orchestrator's", ahead.unsigned_abs());
        return match synchronised {
            Some(true) => Finding::less(
                SUBJECT,
                found,
                "tell the orchestrator's operator: this one is kept right over the network",
            ),
            Some(false) => Finding::bad(SUBJECT, found, "`timedatectl set-ntp true`"),
            None => Finding::bad(SUBJECT, found, "`apt-get install chrony`, then `chronyc makestep`"),
        };
    }
    match synchronised {
        Some(true) => Finding::good(SUBJECT, "kept right over the network"),
        Some(false) => Finding::bad(SUBJECT, "nothing keeps it right", "`timedatectl set-ntp true`"),
        None => {
            let fix = "`apt-get install systemd-timesyncd`, or see with `chronyc tracking` that chrony keeps it";
            Finding::less(SUBJECT, "systemd is not there to say whether something keeps it right", fix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Grade;

    #[test]
    fn a_clock_that_nothing_keeps_is_bad_and_one_nobody_knows_of_is_less() {
        for ahead in [None, Some(0), Some(-30), Some(30)] {
            assert_eq!(
                [Some(true), Some(false), None].map(|told| judge(told, ahead).grade),
                [Grade::Good, Grade::Bad, Grade::Less]
            );
        }
    }

    #[tokio::test]
    async fn the_server_that_orchestrators_use_tells_its_date() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        assert_eq!(ahead("http://127.0.0.1:1").await, None);
        let server = tonic::transport::Server::builder().add_routes(tonic::service::Routes::default());
        tokio::spawn(server.serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener)));
        let ahead = ahead(&url).await;
        assert!(ahead.is_some_and(|ahead| (-2..=2).contains(&ahead)), "{ahead:?}");
    }

    #[test]
    fn a_clock_that_differs_is_mended_here_unless_it_is_kept_right() {
        for (ahead, found) in
            [(31, "31 s ahead of the orchestrator's"), (-31, "31 s behind the orchestrator's"), (i64::MIN, "s behind")]
        {
            let judged = [Some(true), Some(false), None].map(|told| judge(told, Some(ahead)));
            assert_eq!(judged.each_ref().map(|finding| finding.grade), [Grade::Less, Grade::Bad, Grade::Bad]);
            assert!(judged.iter().all(|finding| finding.found.contains(found)), "{judged:?}");
            let fixes = judged.map(|finding| finding.fix.unwrap());
            assert!(fixes[1].contains("timedatectl") && fixes[2].contains("chrony"), "{fixes:?}");
        }
    }
}
