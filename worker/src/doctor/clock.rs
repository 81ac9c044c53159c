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

/// chrony's name for its own clock, which it takes for right where it is told to (`local` in chrony.conf(5)).
const ITSELF: &str = "7F7F0101";

/// Who can say whether something keeps the clock right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    Systemd,
    Chrony,
}

impl Keeper {
    fn fix(keeper: Option<Self>) -> &'static str {
        match keeper {
            Some(Self::Systemd) => "`timedatectl set-ntp true`",
            Some(Self::Chrony) => "let UDP port 123 out to a time server: `chronyc sources` shows which ones answer",
            None => "`apt-get install chrony`, then `service chrony start`",
        }
    }
}

/// Whether something keeps the clock right, and who says so; `None` where nobody here can say. systemd asks the kernel,
/// which chrony tells only where it is set up to (`rtcsync` in chrony.conf(5)).
pub(super) async fn kept_right() -> Option<(Keeper, bool)> {
    let systemd = answer(&["timedatectl", "show", "--property=NTPSynchronized", "--value"]).await;
    let systemd = match systemd.as_deref().map(str::trim) {
        Some("yes") => return Some((Keeper::Systemd, true)),
        Some("no") => Some((Keeper::Systemd, false)),
        _ => None,
    };
    let chrony = answer(&["chronyc", "-c", "tracking"]).await;
    chrony.map(|tracking| (Keeper::Chrony, follows(&tracking))).or(systemd)
}

/// Whether chrony follows some other clock: of its comma-separated answer the first field names whose, and the last one
/// is the state of leap seconds (chronyc(1)).
fn follows(tracking: &str) -> bool {
    let mut fields = tracking.trim().split(',');
    let (whose, leap) = (fields.next(), fields.next_back());
    whose != Some(ITSELF) && leap.is_some_and(|leap| leap != "Not synchronised")
}

async fn answer(command: &[&str]) -> Option<String> {
    let output = Command::new(command[0]).args(&command[1..]).kill_on_drop(true).output();
    let output = timeout(PATIENCE, output).await.ok()?.ok()?;
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

pub(super) fn judge(kept: Option<(Keeper, bool)>, ahead: Option<i64>) -> Finding {
    const SUBJECT: &str = "clock";
    let (keeper, right) = kept.unzip();
    let fix = Keeper::fix(keeper);
    if let Some(ahead) = ahead.filter(|ahead| ahead.unsigned_abs() > APART) {
        let side = if ahead < 0 { "behind" } else { "ahead of" };
        let found = format!("{} s {side} the orchestrator's", ahead.unsigned_abs());
        if right == Some(true) {
            let fix = "tell the orchestrator's operator: this one is kept right over the network";
            return Finding::less(SUBJECT, found, fix);
        }
        return Finding::bad(SUBJECT, found, fix);
    }
    match right {
        Some(true) => Finding::good(SUBJECT, "kept right over the network"),
        Some(false) => Finding::bad(SUBJECT, "nothing keeps it right", fix),
        None => Finding::less(SUBJECT, "nothing here can say whether it is kept right", fix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Grade;

    const KEPT: [Option<(Keeper, bool)>; 5] = [
        Some((Keeper::Systemd, true)),
        Some((Keeper::Chrony, true)),
        Some((Keeper::Systemd, false)),
        Some((Keeper::Chrony, false)),
        None,
    ];
    const FIXES: [&str; 3] = ["timedatectl", "chronyc sources", "install chrony"];

    #[test]
    fn a_clock_that_nothing_keeps_is_bad_and_one_nobody_knows_of_is_less() {
        for ahead in [None, Some(0), Some(-30), Some(30)] {
            let judged = KEPT.map(|kept| judge(kept, ahead));
            let grades = judged.each_ref().map(|finding| finding.grade);
            assert_eq!(grades, [Grade::Good, Grade::Good, Grade::Bad, Grade::Bad, Grade::Less]);
            for (finding, fix) in judged[2..].iter().zip(FIXES) {
                assert!(finding.fix.as_ref().unwrap().contains(fix), "{finding:?}");
            }
        }
    }

    #[test]
    fn chrony_says_whether_it_follows_another_clock() {
        // Answers of chrony 4.3.
        let with = |whose, leap| {
            format!(
                "{whose},9,1795410919.436,-0.0000006,0.000001,0.00001,6.413,0.044,2.537,0.00001,0.000009,1.0,{leap}\n"
            )
        };
        assert!(follows(&with("7F000001,127.0.0.1", "Normal")));
        assert!(follows(&with("7F000001,127.0.0.1", "Insert second")));
        assert!(!follows(&with("7F7F0101,", "Normal")), "its own");
        assert!(!follows(&with("00000000,", "Not synchronised")));
        assert!(!follows(""));
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
            let judged = KEPT.map(|kept| judge(kept, Some(ahead)));
            let grades = judged.each_ref().map(|finding| finding.grade);
            assert_eq!(grades, [Grade::Less, Grade::Less, Grade::Bad, Grade::Bad, Grade::Bad]);
            assert!(judged.iter().all(|finding| finding.found.contains(found)), "{judged:?}");
            for (finding, fix) in judged[2..].iter().zip(FIXES) {
                assert!(finding.fix.as_ref().unwrap().contains(fix), "{finding:?}");
            }
        }
    }
}
