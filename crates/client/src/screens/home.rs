//! home.

use waystation_model::{Code, Problem};

use crate::app::App;
use crate::views::*;

impl App {
    pub(crate) async fn home(&self, _arguments: Nothing) -> Result<Home, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
}
