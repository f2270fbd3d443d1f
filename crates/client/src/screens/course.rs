//! course.

use waystation_model::{Code, Problem};

use crate::app::App;
use crate::views::*;

impl App {
    pub(crate) async fn course(&self, _arguments: ById) -> Result<Course, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn edit_course(&self, _arguments: EditCourse) -> Result<Course, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn course_learners(&self, _arguments: ById) -> Result<CourseLearners, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
}
