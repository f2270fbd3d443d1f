//! The decisions of the repair of one damaged scope between one request and the next. Without network, so that the simulator
//! runs the same code.

use waystation_model::wire::SlicesRequest;

use crate::error::Result;
use crate::store::Writer;
use crate::store::apply::Applied;
use crate::store::page::{self, Slices};
use crate::store::slices::{self, Next};

/// Answers about one scope. After more than this it is read again from 0.
const ANSWERS_MAX: usize = 400;
/// Full answers about one scope. Where more is missing, reading it again from 0 is cheaper.
const FULL_ANSWERS_MAX: u32 = 4;

/// How the repair of one scope ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The scope holds what the server holds.
    Repaired,
    /// The scope has changed at the server meanwhile: pull, and try again.
    Moved,
    /// The scope is read again from 0.
    ReadAgain,
}

/// The next step of a repair.
#[derive(Debug)]
pub enum Step {
    /// Send this request.
    Ask(SlicesRequest),
    /// The repair has ended.
    Ended(End),
}

impl From<Next> for Step {
    fn from(next: Next) -> Step {
        match next {
            Next::Ask(request) => Step::Ask(request),
            Next::Repaired => Step::Ended(End::Repaired),
            Next::ReadAgain => Step::Ended(End::ReadAgain),
        }
    }
}

/// The repair of one damaged scope.
#[derive(Debug, Clone)]
pub struct ScopeRepair {
    scope: String,
    answers: usize,
    full_answers: u32,
}

impl ScopeRepair {
    /// Begins with a request for the sums of all slices.
    ///
    /// # Errors
    /// When the database fails.
    pub fn begin(writer: &mut Writer, scope: &str) -> Result<(ScopeRepair, Step)> {
        let repair = ScopeRepair { scope: scope.to_owned(), answers: 0, full_answers: 0 };
        let step = repair.ask_sums(writer)?;
        Ok((repair, step))
    }

    fn ask_sums(&self, writer: &mut Writer) -> Result<Step> {
        Ok(writer.relaxed_transaction(|connection, device| slices::begin(connection, device, &self.scope))?.into())
    }

    /// Receives the answer to the request `asked`, at `now_ms`.
    ///
    /// # Errors
    /// `bad_answer`, or when the database fails; nothing of the answer is stored then.
    pub fn receive(&mut self, writer: &mut Writer, now_ms: i64, asked: &SlicesRequest, bytes: &[u8]) -> Result<(Step, Applied)> {
        self.answers += 1;
        let (step, applied) = match page::slices(bytes)? {
            Slices::Moved => (Step::Ended(End::Moved), Applied::default()),
            Slices::Sums(sums) => {
                let next = writer.relaxed_transaction(|connection, device| slices::compare(connection, device, asked, &sums))?;
                (next.into(), Applied::default())
            }
            Slices::Differences(answer) => {
                self.full_answers += u32::from(answer.more);
                let applied = writer.relaxed_transaction(|connection, device| slices::apply(connection, device, now_ms, asked, &answer))?;
                // When the answer repaired nothing, the scope is already set to be read again, and `ask_sums` ends the repair.
                (self.ask_sums(writer)?, applied)
            }
        };
        let too_much = self.answers >= ANSWERS_MAX || self.full_answers > FULL_ANSWERS_MAX;
        if too_much && matches!(step, Step::Ask(_)) {
            return Ok((self.read_again(writer)?, applied));
        }
        Ok((step, applied))
    }

    /// Gives up on slices: the scope is read again from 0.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read_again(&self, writer: &mut Writer) -> Result<Step> {
        Ok(writer.relaxed_transaction(|connection, _| slices::read_again(connection, &self.scope))?.into())
    }
}
