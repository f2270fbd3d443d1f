//! Faults that tests inject on purpose, to prove that the simulator finds such bugs.

use std::fmt;

/// An injected fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server does not store the ledger entry of a push.
    ForgetLedger,
    /// Feed versions have gaps.
    SkipVersions,
    /// A deletion writes no tombstone.
    DropTombstone,
    /// A row in two feeds is written to one of them only.
    OneFeedOfTwo,
    /// A restored server gives the same stamps a second time.
    RepeatStamps,
    /// A losing value is not stored in `conflicts`.
    DropLosingValue,
    /// A change is answered as `held` and not stored in `held_changes`.
    DropHeldChange,
    /// A delete wins over an edit that its author had not seen.
    DeleteUnseen,
    /// Neither side compares the chains.
    SkipChain,
    /// A part of a page is applied as if it were complete.
    HalfPage,
    /// The cursor moves although the rows were not stored.
    CursorOnly,
    /// The rows of a scope stay on the laptop when the subscription ends.
    KeepLostScope,
    /// A pull discards pending changes from the rows that are shown.
    ForgetPending,
    /// Times of changes are not corrected by the measured clock offset.
    UncorrectedClocks,
    /// A change is coalesced into one that was sent already.
    CoalesceIntoSent,
    /// A refused change is not kept for the person.
    ForgetRefusal,
    /// An edit is confirmed before it is synced to the disk.
    EditsNotSynced,
    /// Subscriptions are never computed again.
    StaleAccess,
    /// The laptop does not audit its rows after another program has changed them.
    NoAudit,
    /// A downloaded file gets its final name before it is complete.
    NameTooEarly,
    /// A laptop whose protocol is too old to pull has to name the epoch in a push, which it cannot know.
    RefuseOldPush,
    /// A laptop forgets the rows that the server has lost.
    ForgetLost,
    /// No new epoch begins when the database goes back in time.
    NoNewEpoch,
    /// A server that keeps running meanwhile trusts the heads in its memory.
    TrustHeads,
    /// A laptop does not lower its acknowledged number when the server has lost mutations.
    KeepAcknowledged,
    /// A laptop that the server does not know treats acknowledged changes as done.
    KeepUnknownAcknowledged,
    /// The laptop does not check the rules of a row before it stores a change.
    ForgetCheck,
    /// A foreign key finds a row of another organization.
    ForeignOrganization,
    /// A column that is copied from a parent row does not follow a change of it.
    ForgetFollow,
    /// What was taken back can be taken back again.
    UndoTwice,
    /// An import stores its first row before the others.
    HalfImport,
}

impl Fault {
    /// Every fault.
    pub const ALL: &'static [Fault] = &[
        Fault::ForgetLedger,
        Fault::SkipVersions,
        Fault::DropTombstone,
        Fault::OneFeedOfTwo,
        Fault::RepeatStamps,
        Fault::DropLosingValue,
        Fault::DropHeldChange,
        Fault::DeleteUnseen,
        Fault::SkipChain,
        Fault::HalfPage,
        Fault::CursorOnly,
        Fault::KeepLostScope,
        Fault::ForgetPending,
        Fault::UncorrectedClocks,
        Fault::CoalesceIntoSent,
        Fault::ForgetRefusal,
        Fault::EditsNotSynced,
        Fault::StaleAccess,
        Fault::NoAudit,
        Fault::NameTooEarly,
        Fault::RefuseOldPush,
        Fault::ForgetLost,
        Fault::NoNewEpoch,
        Fault::TrustHeads,
        Fault::KeepAcknowledged,
        Fault::KeepUnknownAcknowledged,
        Fault::ForgetCheck,
        Fault::ForeignOrganization,
        Fault::ForgetFollow,
        Fault::UndoTwice,
        Fault::HalfImport,
    ];
}

/// The faults of one run.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    injected: Option<Fault>,
}

impl Faults {
    /// One fault and no other.
    pub fn only(fault: Fault) -> Faults {
        Faults { injected: Some(fault) }
    }

    /// Whether this fault is injected.
    pub fn has(&self, fault: Fault) -> bool {
        self.injected == Some(fault)
    }
}

/// A violated invariant, described in English.
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
