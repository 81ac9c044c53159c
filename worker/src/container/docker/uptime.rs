//! Since when the engine runs, to tell whose end was the engine's own.

use std::time::Duration;

use millrace_agent::FoundState;
use tokio::time::timeout;

use super::Docker;
use crate::container::Error;

/// The engine's own network. Docker makes it anew each time it starts, unless it finds containers that it had left
/// running (`live-restore`). Podman has none, and stops no container when it stops.
const OWN_NETWORK: &str = "bridge";
/// How long an engine may take to say since when it runs.
const PATIENCE: Duration = Duration::from_secs(10);

/// An end as `state` has it: [`FoundState::Interrupted`] where the engine was started after it. Whoever stopped the
/// engine before that stopped its containers, too, and a program may answer that with any status, 0 included. What is
/// lost of a program that had ended by itself just before is its time; half of another's outputs are never its result.
///
/// Asks over a connection of its own: an engine that is being stopped still answers on those it has, and tells of ends
/// that are its doing as of any other, but takes no new one.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Refused`].
pub(super) async fn judge(docker: &Docker, state: FoundState, finished: Option<&str>) -> Result<FoundState, Error> {
    let FoundState::Exited(exit) = state else { return Ok(state) };
    let asked = async {
        match Docker::dial(&docker.endpoint).await?.inspect_network(OWN_NETWORK, None).await {
            Ok(network) => Ok(network.created),
            Err(error) => match docker.error(error) {
                Error::NotFound => Ok(None),
                error => Err(error),
            },
        }
    };
    let silent = || Error::Unreachable {
        endpoint: docker.endpoint.clone(),
        reason: format!("it takes no connection in {} s", PATIENCE.as_secs()),
    };
    let started = timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(silent()))?;
    let both = started.as_deref().and_then(moment).zip(finished.and_then(moment));
    let interrupted = !exit.out_of_memory && both.is_some_and(|(started, finished)| started > finished);
    Ok(if interrupted { FoundState::Interrupted(exit) } else { state })
}

/// A moment as RFC 3339 writes it, as something to compare: seconds since some beginning, and nanoseconds.
fn moment(text: &str) -> Option<(i64, u64)> {
    let (date, time) = text.split_once('T')?;
    let (time, ahead) = match time.strip_suffix('Z') {
        Some(time) => (time, 0),
        None => {
            let (time, zone) = time.split_at_checked(time.len().checked_sub("+00:00".len())?)?;
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            (time, sign * (hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?) * 60)
        }
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let nanoseconds = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let numbers = |text: &str, by: char| -> Option<[i64; 3]> {
        let numbers: Option<Vec<i64>> = text.split(by).map(|number| number.parse().ok()).collect();
        numbers?.try_into().ok()
    };
    let ([year, month, day], [hour, minute, second]) = (numbers(date, '-')?, numbers(time, ':')?);
    // Counted from March, a leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (month * 153 + 2) / 5 + day;
    Some((days * 86_400 + hour * 3_600 + minute * 60 + second - ahead, nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_any_zone_are_in_order() {
        let ordered = [
            "0001-01-01T00:00:00Z",
            "2023-12-31T23:59:59.999999999Z",
            "2024-01-01T00:00:00Z",
            "2024-02-29T12:00:00.5+02:00",
            "2024-02-29T12:00:00.25Z",
            "2024-02-29T11:00:00.123456789-01:30",
            "2024-03-01T00:00:00Z",
            "2026-11-22T07:44:55.454058887Z",
        ];
        let moments: Vec<_> = ordered.iter().map(|text| moment(text).unwrap()).collect();
        assert!(moments.is_sorted_by(|left, right| left < right), "{moments:?}");
        assert_eq!(moment("2024-03-01T01:00:00+01:00"), moment("2024-03-01T00:00:00.0Z"));
        assert_eq!(moment("2024-03-01T00:00:00Z").unwrap().0 - moment("2024-02-28T00:00:00Z").unwrap().0, 2 * 86_400);
        for text in ["", "yesterday", "2024-03-01", "2024-03-01T00:00", "2024-03-01T00:00:00", "2024-13T00:00:00Z"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
