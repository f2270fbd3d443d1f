//! station.

use waystation_model::{Code, Problem};

use crate::app::App;
use crate::views::*;

impl App {
    pub(crate) async fn stations(&self, _arguments: Nothing) -> Result<Vec<StationCard>, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn station(&self, _arguments: ById) -> Result<Station, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
}
