use std::time::Duration;

use millrace_link::objects::Error;

use super::PAUSE;

/// How long an endpoint may answer that it has a problem of its own, and a disk may have no room. Shorter than for an
/// endpoint that does not answer at all: while it does, the lease goes on being paid for.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);
/// The most of one attempt that counts as refused. A few refusals within seconds end it, so one that took longer has
/// read the file or sent what arrived before, and nobody tells how far it came.
const REFUSED: Duration = Duration::from_secs(10);

/// How long an endpoint is away before what it refused earlier counts no more. One that is restarted again and again is
/// away for less, each time.
const AWAY: Duration = Duration::from_secs(60);

/// With an endpoint that an upload is tried at again and again.
#[derive(Default)]
pub(super) struct Patience {
    /// For how long it has refused since it was last away.
    spent: Duration,
    /// For how long it has not answered since it last did.
    away: Duration,
}

impl Patience {
    /// Whether to try again after an attempt that took so long and failed so.
    pub fn bears(&mut self, error: &Error, took: Duration) -> bool {
        if let Error::Unreachable(_) = error {
            self.away += took + PAUSE;
            if self.away >= AWAY {
                self.spent = Duration::ZERO;
            }
            return true;
        }
        self.away = Duration::ZERO;
        let bears = error.is_passing() && self.spent < PATIENCE;
        self.spent += took.min(REFUSED) + PAUSE;
        bears
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn refused(status: u16) -> Error {
        Error::Unexpected { status }
    }

    fn unreachable() -> Error {
        Error::Unreachable(reqwest::Client::new().get("no address").build().unwrap_err())
    }

    /// How many attempts there are at an endpoint that goes on refusing, each of which takes so long.
    fn attempts(patience: &mut Patience, took: Duration) -> usize {
        (1..).take_while(|_| patience.bears(&refused(503), took)).count() + 1
    }

    #[test]
    fn an_upload_that_went_well_for_long_bears_as_much_as_any_other() {
        assert!(Patience::default().bears(&refused(503), HOUR));
        let (mut at_once, mut late) = (Patience::default(), Patience::default());
        late.bears(&refused(502), HOUR);
        assert!(attempts(&mut at_once, Duration::from_secs(3)) - attempts(&mut late, Duration::from_secs(3)) <= 3);
    }

    #[test]
    fn an_endpoint_that_goes_on_refusing_is_given_up_after_ten_minutes() {
        assert_eq!(attempts(&mut Patience::default(), Duration::from_secs(3)), 121);
        assert_eq!(attempts(&mut Patience::default(), Duration::ZERO), 301);
    }

    #[test]
    fn what_was_refused_before_the_network_was_away_does_not_count() {
        let mut patience = Patience::default();
        let alone = attempts(&mut Patience::default(), PAUSE);
        assert_eq!(attempts(&mut patience, PAUSE), alone);
        assert!(!patience.bears(&refused(503), PAUSE));
        (0..10_000).for_each(|_| assert!(patience.bears(&unreachable(), HOUR)));
        assert_eq!(attempts(&mut patience, PAUSE), alone);
    }

    #[test]
    fn an_endpoint_that_is_away_for_a_moment_now_and_then_is_given_up_like_any_other() {
        let mut patience = Patience::default();
        let alone = attempts(&mut Patience::default(), PAUSE);
        let flapping = (1..).take_while(|_| {
            (0..3).for_each(|_| assert!(patience.bears(&unreachable(), PAUSE)));
            patience.bears(&refused(503), PAUSE)
        });
        assert_eq!(flapping.count() + 1, alone);
    }

    #[test]
    fn what_does_not_pass_is_not_waited_for() {
        assert!(!Patience::default().bears(&refused(401), Duration::ZERO));
    }
}
