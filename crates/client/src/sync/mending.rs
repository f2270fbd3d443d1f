//! What is decided between one question about a damaged scope and the next. It knows no network, so a simulator makes the very
//! same decisions.

use waystation_model::wire::SlicesRequest;

use crate::error::Result;
use crate::store::Writer;
use crate::store::apply::Applied;
use crate::store::page::{self, Slices};
use crate::store::slices::{self, Next};

/// Answers about one scope. A scope that needs more is read from the beginning.
const ANSWERS_MAX: usize = 400;
/// Answers about one scope that were full. Where so much is missing, reading from the beginning costs less.
const FULL_ANSWERS_MAX: u32 = 4;

/// How the mending of one scope ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It holds what the server says.
    Right,
    /// It has moved: pull, and try again.
    Moved,
    /// It is read from the beginning.
    ReadAgain,
}

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// This is to be asked.
    Ask(SlicesRequest),
    /// It is over.
    Ended(End),
}

impl From<Next> for Step {
    fn from(next: Next) -> Step {
        match next {
            Next::Ask(request) => Step::Ask(request),
            Next::Right => Step::Ended(End::Right),
            Next::ReadAgain => Step::Ended(End::ReadAgain),
        }
    }
}

/// A damaged scope that is being put right.
#[derive(Debug, Clone)]
pub struct Mending {
    scope: String,
    answers: usize,
    full_answers: u32,
}

impl Mending {
    /// Begins with the sums of all slices.
    ///
    /// # Errors
    /// When the database fails.
    pub fn begin(writer: &mut Writer, scope: &str) -> Result<(Mending, Step)> {
        let mending = Mending { scope: scope.to_owned(), answers: 0, full_answers: 0 };
        let step = mending.ask_sums(writer)?;
        Ok((mending, step))
    }

    fn ask_sums(&self, writer: &mut Writer) -> Result<Step> {
        Ok(writer.pulled(|connection, device| slices::begin(connection, device, &self.scope))?.into())
    }

    /// Goes on after the answer to what was `asked`, at `now_ms`.
    ///
    /// # Errors
    /// `bad_answer`, or when the database fails; nothing of the answer is stored then.
    pub fn hear(&mut self, writer: &mut Writer, now_ms: i64, asked: &SlicesRequest, bytes: &[u8]) -> Result<(Step, Applied)> {
        self.answers += 1;
        let (step, applied) = match page::slices(bytes)? {
            Slices::Moved => (Step::Ended(End::Moved), Applied::default()),
            Slices::Sums(sums) => {
                let next = writer.pulled(|connection, device| slices::compare(connection, device, asked, &sums))?;
                (next.into(), Applied::default())
            }
            Slices::Differences(answer) => {
                self.full_answers += u32::from(answer.more);
                let applied = writer.pulled(|connection, device| slices::apply(connection, device, now_ms, asked, &answer))?;
                // What nothing mended is read again already, and then there is nothing to ask.
                (self.ask_sums(writer)?, applied)
            }
        };
        let too_much = self.answers >= ANSWERS_MAX || self.full_answers > FULL_ANSWERS_MAX;
        if too_much && matches!(step, Step::Ask(_)) {
            return Ok((self.read_again(writer)?, applied));
        }
        Ok((step, applied))
    }

    /// Slices do not help: the scope is read from the beginning.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read_again(&self, writer: &mut Writer) -> Result<Step> {
        Ok(writer.pulled(|connection, _| slices::read_again(connection, &self.scope))?.into())
    }
}
