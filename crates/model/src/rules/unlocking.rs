//! Which topics and tests of a course are locked, and what opens them.
//!
//! In this order: a topic that is completed stays open. In a course that is not paid for, only free topics are open. Then the
//! mandatory prerequisites of the course have to be completed, then the module's unlock condition has to be met, then the topic
//! before it in reading order has to be completed, where the topic requires that.
//!
//! An unlock condition is a JSON object; all of its entries have to be met:
//!
//! | Entry | Meaning |
//! |---|---|
//! | `"modules_completed": [ids]` | These modules of the course are completed. |
//! | `"assessments_passed": [ids]` | These tests of the course are passed. |
//! | `"opens_on": "YYYY-MM-DD"` | This day has come. |
//!
//! Modules and tests that do not exist any more are not asked for, and a module is never its own condition: neither could ever be
//! met. A condition that cannot be read keeps its module locked, because its author meant some condition.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::Value;

/// A course as one learner finds it.
#[derive(Debug, Clone)]
pub struct Course {
    /// See [`super::entitlement::is_paid_for`].
    pub is_paid_for: bool,
    /// Mandatory prerequisites that this person has not completed: ids of courses.
    pub missing_prerequisites: Vec<String>,
    /// Its modules in reading order.
    pub modules: Vec<Module>,
    /// Its tests.
    pub assessments: BTreeSet<String>,
    /// Those of them that this person has passed.
    pub passed: BTreeSet<String>,
    /// Today.
    pub today: NaiveDate,
}

/// A module as one learner finds it.
#[derive(Debug, Clone)]
pub struct Module {
    /// The module.
    pub id: String,
    /// Whether this person has completed it.
    pub completed: bool,
    /// Its unlock condition; null: none.
    pub condition: Value,
    /// Its topics in reading order.
    pub topics: Vec<Topic>,
}

/// A topic as one learner finds it.
#[derive(Debug, Clone)]
pub struct Topic {
    /// The topic.
    pub id: String,
    /// Whether this person has completed it.
    pub completed: bool,
    /// Whether the topic before it has to be completed first.
    pub requires_previous: bool,
    /// Whether it is open without payment.
    pub is_free: bool,
}

/// Why a topic is locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lock {
    /// The course has to be bought or subscribed to.
    Payment,
    /// These courses have to be completed first.
    Courses(Vec<String>),
    /// These modules have to be completed first.
    Modules(Vec<String>),
    /// These tests have to be passed first.
    Assessments(Vec<String>),
    /// It opens on this day.
    Until(NaiveDate),
    /// The unlock condition cannot be read: its author has to correct it.
    Unreadable,
    /// This topic has to be completed first.
    Topic(String),
}

/// An unlock condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Condition {
    modules_completed: Vec<String>,
    assessments_passed: Vec<String>,
    opens_on: Option<NaiveDate>,
}

impl Condition {
    /// Reads a condition; none when it cannot be read.
    fn read(value: &Value) -> Option<Condition> {
        let mut condition = Condition::default();
        if value.is_null() {
            return Some(condition);
        }
        for (entry, value) in value.as_object()? {
            match entry.as_str() {
                "modules_completed" => condition.modules_completed = ids(value)?,
                "assessments_passed" => condition.assessments_passed = ids(value)?,
                "opens_on" => condition.opens_on = Some(value.as_str()?.parse().ok()?),
                _ => return None,
            }
        }
        Some(condition)
    }
}

fn ids(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|id| id.as_str().map(str::to_owned)).collect()
}

impl Course {
    /// Every topic in reading order, with the reason why it is locked.
    pub fn locks(&self) -> Vec<(&str, Option<Lock>)> {
        let mut previous: Option<&Topic> = None;
        let mut locks = Vec::new();
        for module in &self.modules {
            let of_module = self.lock_of_module(module);
            for topic in &module.topics {
                locks.push((topic.id.as_str(), self.lock_of_topic(topic, previous, of_module.as_ref())));
                previous = Some(topic);
            }
        }
        locks
    }

    /// Why a test is locked. One of a topic opens with the topic, one of a module with the module, and one of the whole course with the
    /// course. A module or topic that is not known does not lock.
    pub fn lock_of_test(&self, module: Option<&str>, topic: Option<&str>) -> Option<Lock> {
        if let Some(topic) = topic {
            return self.locks().into_iter().find(|(id, _)| *id == topic).and_then(|(_, lock)| lock);
        }
        if !self.is_paid_for {
            return Some(Lock::Payment);
        }
        match self.modules.iter().find(|known| Some(known.id.as_str()) == module) {
            Some(module) => self.lock_of_module(module),
            None => self.lock_of_course(),
        }
    }

    fn lock_of_course(&self) -> Option<Lock> {
        (!self.missing_prerequisites.is_empty()).then(|| Lock::Courses(self.missing_prerequisites.clone()))
    }

    fn lock_of_topic(&self, topic: &Topic, previous: Option<&Topic>, of_module: Option<&Lock>) -> Option<Lock> {
        if topic.completed {
            return None;
        }
        if !self.is_paid_for {
            return (!topic.is_free).then_some(Lock::Payment);
        }
        if let Some(lock) = of_module {
            return Some(lock.clone());
        }
        let before = previous.filter(|previous| topic.requires_previous && !previous.completed)?;
        Some(Lock::Topic(before.id.clone()))
    }

    /// Why a module is locked as a whole, for those who have paid.
    fn lock_of_module(&self, module: &Module) -> Option<Lock> {
        if let Some(lock) = self.lock_of_course() {
            return Some(lock);
        }
        let Some(condition) = Condition::read(&module.condition) else { return Some(Lock::Unreadable) };
        if let Some(day) = condition.opens_on.filter(|day| self.today < *day) {
            return Some(Lock::Until(day));
        }
        let is_open_module = |id: &String| *id != module.id && self.modules.iter().any(|other| other.id == *id && !other.completed);
        let modules: Vec<String> = condition.modules_completed.into_iter().filter(is_open_module).collect();
        if !modules.is_empty() {
            return Some(Lock::Modules(modules));
        }
        let is_open_test = |id: &String| self.assessments.contains(id) && !self.passed.contains(id);
        let tests: Vec<String> = condition.assessments_passed.into_iter().filter(is_open_test).collect();
        (!tests.is_empty()).then_some(Lock::Assessments(tests))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, day).expect("a day")
    }

    fn topic(id: &str) -> Topic {
        Topic { id: id.into(), completed: false, requires_previous: false, is_free: false }
    }

    fn course(modules: Vec<Module>) -> Course {
        Course {
            is_paid_for: true,
            missing_prerequisites: Vec::new(),
            modules,
            assessments: BTreeSet::from(["t".to_owned()]),
            passed: BTreeSet::new(),
            today: day(10),
        }
    }

    /// Two modules, the second with this condition.
    fn with_condition(condition: Value) -> Course {
        let module =
            |id: &str, topic_id: &str, condition| Module { id: id.into(), completed: false, condition, topics: vec![topic(topic_id)] };
        course(vec![module("m1", "a", Value::Null), module("m2", "b", condition)])
    }

    fn lock_of(course: &Course, topic: &str) -> Option<Lock> {
        course.locks().into_iter().find(|(id, _)| *id == topic).expect("a topic of the course").1
    }

    #[test]
    fn a_condition_is_met_by_modules_tests_and_days() {
        assert_eq!(lock_of(&with_condition(json!({})), "b"), None);
        let mut needs_module = with_condition(json!({"modules_completed": ["m1"]}));
        assert_eq!(lock_of(&needs_module, "b"), Some(Lock::Modules(vec!["m1".into()])));
        needs_module.modules[0].completed = true;
        assert_eq!(lock_of(&needs_module, "b"), None);
        let mut needs_test = with_condition(json!({"assessments_passed": ["t"]}));
        assert_eq!(lock_of(&needs_test, "b"), Some(Lock::Assessments(vec!["t".into()])));
        needs_test.passed.insert("t".into());
        assert_eq!(lock_of(&needs_test, "b"), None);
        let mut later = with_condition(json!({"opens_on": "2026-03-11"}));
        assert_eq!(lock_of(&later, "b"), Some(Lock::Until(day(11))));
        later.today = day(11);
        assert_eq!(lock_of(&later, "b"), None);
    }

    #[test]
    fn a_condition_that_can_never_be_met_is_not_asked_and_one_that_cannot_be_read_locks() {
        for never in [json!({"modules_completed": ["m2", "gone"]}), json!({"assessments_passed": ["gone"]})] {
            assert_eq!(lock_of(&with_condition(never.clone()), "b"), None, "{never}");
        }
        for unreadable in [
            json!([]),
            json!("m1"),
            json!({"modules": ["m1"]}),
            json!({"modules_completed": "m1"}),
            json!({"assessments_passed": [1]}),
            json!({"opens_on": "soon"}),
        ] {
            assert_eq!(lock_of(&with_condition(unreadable.clone()), "b"), Some(Lock::Unreadable), "{unreadable}");
        }
    }

    #[test]
    fn payment_comes_before_prerequisites_and_a_free_topic_needs_neither() {
        let mut course = with_condition(Value::Null);
        course.missing_prerequisites = vec!["c".into()];
        course.is_paid_for = false;
        course.modules[0].topics[0].is_free = true;
        assert_eq!((lock_of(&course, "a"), lock_of(&course, "b")), (None, Some(Lock::Payment)));
        course.is_paid_for = true;
        assert_eq!(lock_of(&course, "b"), Some(Lock::Courses(vec!["c".into()])));
        course.modules[1].topics[0].completed = true;
        assert_eq!(lock_of(&course, "b"), None, "what is completed stays open");
    }

    #[test]
    fn a_test_opens_with_its_topic_its_module_or_its_course() {
        let mut course = with_condition(json!({"modules_completed": ["m1"]}));
        let needs = Some(Lock::Modules(vec!["m1".into()]));
        assert_eq!(course.lock_of_test(Some("m2"), None), needs);
        assert_eq!(course.lock_of_test(Some("m2"), Some("b")), needs);
        assert_eq!((course.lock_of_test(Some("m1"), Some("a")), course.lock_of_test(None, None)), (None, None));
        course.missing_prerequisites = vec!["c".into()];
        assert_eq!(course.lock_of_test(None, None), Some(Lock::Courses(vec!["c".into()])));
        course.is_paid_for = false;
        assert_eq!(course.lock_of_test(None, None), Some(Lock::Payment));
        course.modules[0].topics[0].is_free = true;
        assert_eq!(course.lock_of_test(Some("m1"), Some("a")), None);
    }

    #[test]
    fn the_previous_topic_may_be_in_the_module_before() {
        let mut course = with_condition(Value::Null);
        course.modules[1].topics[0].requires_previous = true;
        assert_eq!(lock_of(&course, "b"), Some(Lock::Topic("a".into())));
        course.modules[0].topics[0].completed = true;
        assert_eq!(lock_of(&course, "b"), None);
    }

    /// Its topics, the module that it needs, and the day on which it opens.
    type AnyModule = (Vec<(bool, bool, bool)>, Option<usize>, Option<u32>);

    /// A course whose conditions name earlier modules only.
    fn any_course() -> impl Strategy<Value = Course> {
        let module = (
            proptest::collection::vec((any::<bool>(), any::<bool>(), any::<bool>()), 0..4),
            proptest::option::of(0_usize..4),
            proptest::option::of(1_u32..20),
        );
        (proptest::collection::vec(module, 0..5), any::<bool>()).prop_map(|(modules, is_paid_for)| {
            let build = |(index, module): (usize, AnyModule)| {
                let (topics, needs, opens_on) = module;
                let mut condition = serde_json::Map::new();
                if let Some(earlier) = needs.filter(|needs| *needs < index) {
                    condition.insert("modules_completed".into(), json!([format!("m{earlier}")]));
                }
                if let Some(opens_on) = opens_on {
                    condition.insert("opens_on".into(), json!(day(opens_on)));
                }
                let topics: Vec<Topic> = topics
                    .into_iter()
                    .enumerate()
                    .map(|(at, (completed, requires_previous, is_free))| Topic {
                        id: format!("{index}.{at}"),
                        completed,
                        requires_previous,
                        is_free,
                    })
                    .collect();
                Module {
                    id: format!("m{index}"),
                    completed: topics.iter().all(|topic| topic.completed),
                    condition: condition.into(),
                    topics,
                }
            };
            Course { is_paid_for, ..course(modules.into_iter().enumerate().map(build).collect()) }
        })
    }

    /// Completes one open topic; false when there is none.
    fn complete_one(course: &mut Course) -> bool {
        let open: Vec<String> = course.locks().into_iter().filter(|(_, lock)| lock.is_none()).map(|(id, _)| id.to_owned()).collect();
        let topics = course.modules.iter_mut().flat_map(|module| &mut module.topics);
        let next = topics.into_iter().find(|topic| !topic.completed && open.contains(&topic.id));
        let found = next.map(|topic| topic.completed = true).is_some();
        for module in &mut course.modules {
            module.completed = module.topics.iter().all(|topic| topic.completed);
        }
        found
    }

    proptest! {
        #[test]
        fn who_has_paid_and_waits_long_enough_can_complete_everything(mut course in any_course()) {
            (course.is_paid_for, course.today) = (true, day(31));
            while complete_one(&mut course) {}
            prop_assert!(course.modules.iter().flat_map(|module| &module.topics).all(|topic| topic.completed));
        }

        #[test]
        fn completing_a_topic_never_locks_another(mut course in any_course()) {
            loop {
                let open = |course: &Course| -> BTreeSet<String> {
                    course.locks().into_iter().filter(|(_, lock)| lock.is_none()).map(|(id, _)| id.to_owned()).collect()
                };
                let before = open(&course);
                if !complete_one(&mut course) {
                    break;
                }
                prop_assert!(before.is_subset(&open(&course)));
            }
        }

        #[test]
        fn without_payment_exactly_free_and_completed_topics_are_open(course in any_course()) {
            let course = Course { is_paid_for: false, ..course };
            let topics: Vec<&Topic> = course.modules.iter().flat_map(|module| &module.topics).collect();
            for (topic, (_, lock)) in topics.into_iter().zip(course.locks()) {
                prop_assert_eq!(lock.is_none(), topic.is_free || topic.completed);
            }
        }
    }
}
