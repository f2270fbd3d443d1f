//! attendance.

use waystation_model::{Code, Problem};

use crate::app::App;
use crate::views::*;

impl App {
    pub(crate) async fn groups(&self, _arguments: Nothing) -> Result<Vec<GroupCard>, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn grid(&self, _arguments: GridRange) -> Result<Grid, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn set_marks(&self, _arguments: SetMarks) -> Result<Nothing, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
}
