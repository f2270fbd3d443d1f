//! How far somebody is: in a topic, in a module, in a course.
//!
//! A topic is completed when its learner says so. A module consists of its topics and of the required content items and tests that
//! belong to it directly, and is completed with all of them; a module of nothing counts nowhere. A course is completed with all of
//! its required modules. Counting content items against modules could pass 100 %, so modules are counted. What the organization has
//! recorded as completed is completed, also without these facts: they may have stayed in another program.

use super::percent;

/// What a module consists of, and how much of it one person has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModuleFacts {
    /// Whether the course cannot be completed without it.
    pub is_required: bool,
    /// Topics, required content items and required tests.
    pub parts: u32,
    /// Those of them that are done.
    pub parts_done: u32,
}

/// How far one person is in a module.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModuleProgress {
    /// From 0 to 100.
    pub percent: f64,
    /// Whether every part is done.
    pub completed: bool,
}

/// How far one person is in a course.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CourseProgress {
    /// Required modules that consist of something.
    pub modules: u32,
    /// Those of them that are completed.
    pub modules_completed: u32,
    /// From 0 to 100; 0 for a course without such modules.
    pub percent: f64,
}

impl CourseProgress {
    /// Whether every required module is completed. A course without any is not completed by doing nothing.
    pub fn completed(&self) -> bool {
        self.modules > 0 && self.modules_completed == self.modules
    }
}

/// The percentage to show for a topic. Only a completed one shows 100.
pub fn topic_percent(completed: bool, percent: u32) -> u32 {
    if completed { 100 } else { percent.min(99) }
}

/// Progress in a module; none when it consists of nothing.
pub fn module(facts: ModuleFacts) -> Option<ModuleProgress> {
    let percent = percent(facts.parts_done, facts.parts)?;
    Some(ModuleProgress { percent, completed: facts.parts_done >= facts.parts })
}

/// Progress in a course with these modules.
pub fn course(modules: impl IntoIterator<Item = ModuleFacts>) -> CourseProgress {
    let (mut all, mut done) = (0, 0);
    for progress in modules.into_iter().filter(|facts| facts.is_required).filter_map(module) {
        all += 1;
        done += u32::from(progress.completed);
    }
    CourseProgress { modules: all, modules_completed: done, percent: percent(done, all).unwrap_or(0.0) }
}

/// Whether an enrollment with this status and this progress is completed. Somebody who has left the course completes nothing.
pub fn is_completed(status: &str, progress: &CourseProgress) -> bool {
    status == "completed" || (status != "dropped" && progress.completed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn modules() -> impl Strategy<Value = Vec<ModuleFacts>> {
        let facts =
            (any::<bool>(), 0_u32..6, 0_u32..8).prop_map(|(is_required, parts, parts_done)| ModuleFacts { is_required, parts, parts_done });
        proptest::collection::vec(facts, 0..7)
    }

    #[test]
    fn a_module_of_nothing_counts_nowhere_and_an_optional_one_not_for_the_course() {
        let module_of = |is_required, parts, parts_done| ModuleFacts { is_required, parts, parts_done };
        assert_eq!(module(module_of(true, 0, 0)), None);
        let progress = course([module_of(true, 0, 0), module_of(false, 2, 0), module_of(true, 3, 3), module_of(true, 1, 0)]);
        assert_eq!(progress, CourseProgress { modules: 2, modules_completed: 1, percent: 50.0 });
        assert!(!course([]).completed());
        assert!(is_completed("completed", &course([])), "recorded by the organization");
        assert!(!is_completed("dropped", &course([module_of(true, 1, 1)])));
    }

    proptest! {
        #[test]
        fn progress_never_passes_a_hundred_and_is_full_only_when_completed(modules in modules()) {
            let progress = course(modules.iter().copied());
            prop_assert!((0.0..=100.0).contains(&progress.percent));
            prop_assert!(progress.modules_completed <= progress.modules);
            prop_assert_eq!(progress.percent == 100.0, progress.completed());
            prop_assert!(modules.iter().filter_map(|facts| module(*facts)).all(|progress| (0.0..=100.0).contains(&progress.percent)));
        }

        #[test]
        fn doing_one_more_part_never_takes_progress_away(modules in modules(), at in 0_usize..7) {
            let before = course(modules.iter().copied());
            let mut more = modules;
            if let Some(facts) = more.get_mut(at) {
                facts.parts_done += 1;
            }
            prop_assert!(course(more).percent >= before.percent);
        }

        #[test]
        fn the_order_of_modules_does_not_matter(modules in modules()) {
            let backwards = course(modules.iter().rev().copied());
            prop_assert_eq!(course(modules), backwards);
        }

        #[test]
        fn a_topic_shows_a_hundred_exactly_when_it_is_completed(completed: bool, percent in 0_u32..300) {
            prop_assert_eq!(topic_percent(completed, percent) == 100, completed);
        }
    }
}
