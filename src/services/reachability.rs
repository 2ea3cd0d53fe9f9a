use std::time::Duration;

use tokio::sync::futures::OwnedNotified;

use super::Registry;

/// Whether the requests of a caller reach a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reachability {
    /// They do, or the service does not exist.
    Reachable,
    /// It is down, or the caller is cut off from it: until an offset, if that is known.
    Away { until: Option<Duration> },
}

impl Reachability {
    /// That of a service whose absences last until these offsets.
    pub(super) fn of(absences: impl IntoIterator<Item = Option<Duration>>) -> Self {
        let longest = |one: Option<Duration>, other| Some(one?.max(other?));
        let until = absences.into_iter().reduce(longest);
        until.map_or(Self::Reachable, |until| Self::Away { until })
    }
}

impl Registry {
    /// Whether the requests of a caller reach a service at an offset.
    pub(crate) fn reachability(&self, service: &str, caller: &str, now: Duration) -> Reachability {
        let reached = self.script(service, |script, _| script.reachability(caller, now));
        reached.unwrap_or(Reachability::Reachable)
    }

    /// Waits until a service comes back, or is no longer cut off from somebody.
    pub(crate) fn next_return(&self, service: &str) -> Option<OwnedNotified> {
        self.script(service, |script, _| script.next_return()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Reachability::{self, *};
    use std::time::Duration;

    #[test]
    fn service_is_away_until_the_last_of_its_absences_ends() {
        let s = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(Reachability::of([]), Reachable);
        assert_eq!(Reachability::of([s(2)]), Away { until: s(2) });
        assert_eq!(Reachability::of([s(2), s(5)]), Away { until: s(5) });
        assert_eq!(Reachability::of([None, s(5)]), Away { until: None });
        assert_eq!(Reachability::of([s(5), None]), Away { until: None });
    }
}
