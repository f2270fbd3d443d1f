//! downloads.

use waystation_model::{Code, Problem};

use crate::app::App;
use crate::views::*;

impl App {
    pub(crate) async fn download_course(&self, _arguments: ById) -> Result<Downloads, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn download_topic(&self, _arguments: ById) -> Result<Downloads, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn downloads(&self, _arguments: Nothing) -> Result<Downloads, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn pause_downloads(&self, _arguments: Nothing) -> Result<Downloads, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn resume_downloads(&self, _arguments: Nothing) -> Result<Downloads, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn remove_downloads(&self, _arguments: ById) -> Result<Downloads, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
}
