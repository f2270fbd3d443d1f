//! Which versions of the protocol this server supports, and what each may do.

use waystation_model::limits::{PROTOCOL_VERSION, PROTOCOL_VERSIONS_BACK};
use waystation_model::wire::PushRequest;
use waystation_model::{Code, Problem};

/// The versions that a server supports: it accepts pushes of every version, and sends pages to the latest ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocols {
    newest: u32,
}

impl Protocols {
    /// The versions of this program.
    pub const OURS: Protocols = Protocols::up_to(PROTOCOL_VERSION);

    /// The versions of a program whose own version is `newest`. Tests use it to run a future server with today's laptops.
    pub const fn up_to(newest: u32) -> Protocols {
        Protocols { newest }
    }

    /// Refuses a version newer than this server's. Every older one may sign in and push without end, so that changes on an old
    /// laptop are never lost.
    ///
    /// # Errors
    /// `unsupported_protocol`.
    pub fn check(self, protocol: u32) -> Result<(), Problem> {
        if (1..=self.newest).contains(&protocol) {
            return Ok(());
        }
        Err(Problem::new(Code::UnsupportedProtocol, format!("protocol {protocol} is not spoken here, only 1 to {}", self.newest)))
    }

    /// As [`Protocols::check`]. A version that may no longer pull cannot learn of a new epoch, so its push is accepted under any
    /// epoch; the numbers and the chain decide where it continues.
    ///
    /// # Errors
    /// `unsupported_protocol`.
    pub fn admit_push(self, request: &mut PushRequest, epoch: i64) -> Result<(), Problem> {
        self.check(request.protocol)?;
        if self.check_pull(request.protocol).is_err() {
            request.epoch = epoch;
        }
        Ok(())
    }

    /// As [`Protocols::check`], and refuses a version that is too old to be sent anything.
    ///
    /// # Errors
    /// `unsupported_protocol` or `protocol_too_old`.
    pub fn check_pull(self, protocol: u32) -> Result<(), Problem> {
        self.check(protocol)?;
        let oldest = self.newest.saturating_sub(PROTOCOL_VERSIONS_BACK);
        if protocol >= oldest {
            return Ok(());
        }
        Err(Problem::new(
            Code::ProtocolTooOld,
            format!("protocol {protocol} may push and is sent nothing any more, only {oldest} and later"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_three_versions_may_pull_older_ones_may_push_and_newer_ones_are_refused() {
        let of_later_years = Protocols::up_to(5);
        let code = |result: Result<(), Problem>| result.err().map(|problem| problem.code);
        let pulled: Vec<_> = (0..=6).map(|protocol| code(of_later_years.check_pull(protocol))).collect();
        let (unknown, old) = (Some(Code::UnsupportedProtocol), Some(Code::ProtocolTooOld));
        assert_eq!(pulled, [unknown, old, old, None, None, None, unknown]);
        let pushed: Vec<_> = (0..=6).map(|protocol| code(of_later_years.check(protocol))).collect();
        assert_eq!(pushed, [unknown, None, None, None, None, None, unknown]);
    }

    #[test]
    fn the_first_versions_may_all_pull() {
        for newest in 1..=1 + PROTOCOL_VERSIONS_BACK {
            assert!((1..=newest).all(|protocol| Protocols::up_to(newest).check_pull(protocol).is_ok()));
        }
        assert!(Protocols::OURS.check_pull(PROTOCOL_VERSION).is_ok());
    }
}
