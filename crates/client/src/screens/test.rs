//! test.

use waystation_model::{Code, Problem};

use crate::app::App;
use crate::views::*;

impl App {
    pub(crate) async fn start_attempt(&self, _arguments: StartAttempt) -> Result<Attempt, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn attempt(&self, _arguments: ById) -> Result<Attempt, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn answer(&self, _arguments: Answer) -> Result<Nothing, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn hand_in(&self, _arguments: ById) -> Result<Attempt, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
}
