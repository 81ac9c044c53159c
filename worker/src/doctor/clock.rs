use tokio::process::Command;

use super::Finding;

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

pub(super) fn judge(synchronised: Option<bool>) -> Finding {
    const SUBJECT: &str = "clock";
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
        assert_eq!(
            [Some(true), Some(false), None].map(|told| judge(told).grade),
            [Grade::Good, Grade::Bad, Grade::Less]
        );
    }
}
