//! topic.

use waystation_model::{Code, Problem};

use crate::app::App;
use crate::views::*;

impl App {
    pub(crate) async fn topic(&self, _arguments: ById) -> Result<Topic, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn mark_topic(&self, _arguments: MarkTopic) -> Result<Topic, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn note_position(&self, _arguments: NotePosition) -> Result<Nothing, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
}
