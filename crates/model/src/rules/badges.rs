//! Which badges somebody has earned by their criteria.
//!
//! The criteria of a badge are a JSON object; all of its entries have to be met:
//!
//! | Entry | Meaning |
//! |---|---|
//! | `"courses_completed": n` | So many courses are completed. |
//! | `"topics_completed": n` | So many topics are completed. |
//! | `"tests_passed": n` | So many different tests are passed. |
//! | `"certificates": n` | So many certificates are valid. |
//! | `"coding_points": n` | So many points are earned with coding tasks. |
//! | `"course": id` | This course is completed; the badge is one of this course. |
//!
//! A badge without criteria is given by people alone, and so is one whose criteria cannot be read. What was earned is never taken
//! away by this rule.

use std::collections::BTreeSet;

use serde_json::Value;

/// What one person has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// The courses that they have completed.
    pub courses_completed: BTreeSet<String>,
    /// Number of topics that they have completed.
    pub topics_completed: i64,
    /// Number of tests that they have passed.
    pub tests_passed: i64,
    /// Number of their valid certificates.
    pub certificates: i64,
    /// Their points for coding tasks.
    pub coding_points: i64,
}

/// A badge that was earned: its course, if it is one of a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earned {
    /// The course.
    pub course_id: Option<String>,
}

/// Whether these criteria are met.
pub fn earned(criteria: &Value, done: &Done) -> Option<Earned> {
    let criteria = criteria.as_object().filter(|criteria| !criteria.is_empty())?;
    let mut course_id = None;
    for (entry, wanted) in criteria {
        let reached = match entry.as_str() {
            "courses_completed" => i64::try_from(done.courses_completed.len()).unwrap_or(i64::MAX),
            "topics_completed" => done.topics_completed,
            "tests_passed" => done.tests_passed,
            "certificates" => done.certificates,
            "coding_points" => done.coding_points,
            "course" => {
                let course = wanted.as_str().filter(|course| done.courses_completed.contains(*course))?;
                course_id = Some(course.to_owned());
                continue;
            }
            _ => return None,
        };
        // 0 of something would be earned by everybody at once.
        wanted.as_i64().filter(|wanted| *wanted > 0 && reached >= *wanted)?;
    }
    Some(Earned { course_id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn done(courses: &[&str], topics_completed: i64) -> Done {
        Done { courses_completed: courses.iter().map(|course| (*course).to_owned()).collect(), topics_completed, ..Done::default() }
    }

    #[test]
    fn all_criteria_have_to_be_met() {
        let both = json!({"courses_completed": 2, "topics_completed": 10});
        assert_eq!(earned(&both, &done(&["a", "b"], 10)), Some(Earned { course_id: None }));
        assert_eq!(earned(&both, &done(&["a"], 10)), None);
        assert_eq!(earned(&both, &done(&["a", "b"], 9)), None);
        let of_course = json!({"course": "b"});
        assert_eq!(earned(&of_course, &done(&["b"], 0)), Some(Earned { course_id: Some("b".into()) }));
        assert_eq!(earned(&of_course, &done(&["a"], 0)), None);
    }

    #[test]
    fn criteria_that_say_nothing_or_cannot_be_read_are_met_by_nobody() {
        let much = Done { tests_passed: 99, certificates: 99, coding_points: 99, ..done(&["a", "b"], 99) };
        for criteria in [
            Value::Null,
            json!({}),
            json!([]),
            json!("all"),
            json!({"topics_completed": 0}),
            json!({"topics_completed": "1"}),
            json!({"topics_completed": 1.5}),
            json!({"course": 7}),
            json!({"topics_completed": 1, "speed": 3}),
        ] {
            assert_eq!(earned(&criteria, &much), None, "{criteria}");
        }
    }

    proptest! {
        #[test]
        fn doing_more_never_loses_a_badge(topics in 0_i64..9, tests in 0_i64..9, wanted_topics in 1_i64..9, wanted_tests in 1_i64..9) {
            let criteria = json!({"topics_completed": wanted_topics, "tests_passed": wanted_tests});
            let less = Done { topics_completed: topics, tests_passed: tests, ..Done::default() };
            let more = Done { topics_completed: topics + 1, tests_passed: tests + 1, ..Done::default() };
            prop_assert!(earned(&criteria, &less).is_none() || earned(&criteria, &more).is_some());
            prop_assert_eq!(earned(&criteria, &less).is_some(), topics >= wanted_topics && tests >= wanted_tests);
        }
    }
}
