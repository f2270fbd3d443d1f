//! Faults that are planted on purpose: a simulator that finds none of them proves nothing.

use std::fmt;

/// A planted fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server forgets what a device has sent.
    ForgetLedger,
    /// Versions are handed out with gaps.
    SkipVersions,
    /// A deletion is not told.
    DropTombstone,
    /// Of a row in two feeds one is not told.
    OneFeedOfTwo,
    /// A restored server gives stamps again.
    StampsAgain,
    /// A value that lost is kept nowhere.
    LoseLoser,
    /// What somebody has lost the right to is said to be held, and kept nowhere.
    LoseHeld,
    /// A delete beats an edit that it had not seen.
    DeleteUnseen,
    /// Nobody asks whether the chain fits.
    SkipChain,
    /// Half a page is applied as if it were whole.
    HalfPage,
    /// The cursor moves although the rows were not stored.
    CursorOnly,
    /// The rows of a scope that is not heard any more stay.
    KeepLostScope,
    /// After a pull nothing lies on top of the server's row any more.
    ForgetPending,
    /// Times are compared as the laptops' clocks tell them.
    UncorrectedClocks,
    /// A change melts into one that was sent already.
    MeltIntoSent,
    /// What the server refused is not kept for the person.
    ForgetRefusal,
    /// An answer counts although a crash took back what it was for.
    EditsNotSynced,
    /// Who may hear what is never asked again.
    StaleAccess,
    /// Nobody looks whether the rows are still what was stored.
    NoAudit,
    /// A file gets its name before it is whole.
    NameTooEarly,
    /// Who is too old to be sent anything is asked for the epoch that it cannot know.
    StrandTheOld,
    /// A laptop forgets what the server has lost.
    ForgetLost,
    /// A database that goes back in time begins no new epoch.
    EpochUnnoticed,
    /// A server that lives through it trusts the heads in its memory.
    HeadsTrusted,
    /// A laptop does not go back to what the server has of it.
    AcknowledgedForGood,
    /// A laptop that a server does not know takes what was acknowledged for done.
    UnknownForGood,
}

impl Fault {
    /// Every fault.
    pub const ALL: &'static [Fault] = &[
        Fault::ForgetLedger,
        Fault::SkipVersions,
        Fault::DropTombstone,
        Fault::OneFeedOfTwo,
        Fault::StampsAgain,
        Fault::LoseLoser,
        Fault::LoseHeld,
        Fault::DeleteUnseen,
        Fault::SkipChain,
        Fault::HalfPage,
        Fault::CursorOnly,
        Fault::KeepLostScope,
        Fault::ForgetPending,
        Fault::UncorrectedClocks,
        Fault::MeltIntoSent,
        Fault::ForgetRefusal,
        Fault::EditsNotSynced,
        Fault::StaleAccess,
        Fault::NoAudit,
        Fault::NameTooEarly,
        Fault::StrandTheOld,
        Fault::ForgetLost,
        Fault::EpochUnnoticed,
        Fault::HeadsTrusted,
        Fault::AcknowledgedForGood,
        Fault::UnknownForGood,
    ];
}

/// The faults of one run.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    planted: Option<Fault>,
}

impl Faults {
    /// One fault and no other.
    pub fn only(fault: Fault) -> Faults {
        Faults { planted: Some(fault) }
    }

    /// Whether this fault is planted.
    pub fn has(&self, fault: Fault) -> bool {
        self.planted == Some(fault)
    }
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding(pub String);

impl Finding {
    /// A finding as a result.
    ///
    /// # Errors
    /// Always.
    pub fn of<R>(what: impl Into<String>) -> Result<R, Finding> {
        Err(Finding(what.into()))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
