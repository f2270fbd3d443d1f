//! The ranking of learners by coding tasks.
//!
//! A task that was passed once gives its points, however often it was tried. Learners with more points come first; with the same
//! points, those with fewer attempts. Equal ones share a place, and the place after them counts all of them.

use std::collections::{BTreeMap, BTreeSet};

/// A submission of a task that was not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The learner.
    pub user_id: String,
    /// The task.
    pub task_id: String,
    /// The points of the task.
    pub points: i64,
    /// Whether it has passed.
    pub passed: bool,
}

/// One learner in the ranking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    /// The learner.
    pub user_id: String,
    /// From 1.
    pub place: u32,
    /// Tasks solved.
    pub solved: u32,
    /// Points earned.
    pub points: i64,
    /// Submissions, also of tasks that are not solved.
    pub attempts: u32,
}

/// The learners of these submissions by place, those of one place by id.
pub fn rank(submissions: impl IntoIterator<Item = Submission>) -> Vec<Ranked> {
    #[derive(Default)]
    struct Learner {
        solved: BTreeSet<String>,
        points: i64,
        attempts: u32,
    }
    let mut learners: BTreeMap<String, Learner> = BTreeMap::new();
    for submission in submissions {
        let learner = learners.entry(submission.user_id).or_default();
        learner.attempts += 1;
        if submission.passed && learner.solved.insert(submission.task_id) {
            learner.points = learner.points.saturating_add(submission.points);
        }
    }
    let mut ranked: Vec<Ranked> = learners
        .into_iter()
        .map(|(user_id, learner)| Ranked {
            user_id,
            place: 0,
            solved: u32::try_from(learner.solved.len()).unwrap_or(u32::MAX),
            points: learner.points,
            attempts: learner.attempts,
        })
        .collect();
    ranked.sort_by(|a, b| (b.points, a.attempts, &a.user_id).cmp(&(a.points, b.attempts, &b.user_id)));
    let mut before: Option<(i64, u32, u32)> = None;
    for (learner, index) in ranked.iter_mut().zip(1_u32..) {
        learner.place = match before {
            Some((points, attempts, place)) if (points, attempts) == (learner.points, learner.attempts) => place,
            _ => index,
        };
        before = Some((learner.points, learner.attempts, learner.place));
    }
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn submission(user: &str, task: &str, passed: bool) -> Submission {
        Submission { user_id: user.into(), task_id: task.into(), points: if task == "hard" { 10 } else { 5 }, passed }
    }

    #[test]
    fn points_count_once_for_each_task_and_equal_learners_share_a_place() {
        let ranked = rank([
            submission("ann", "hard", false),
            submission("ann", "hard", true),
            submission("ann", "hard", true),
            submission("ben", "hard", true),
            submission("cem", "easy", true),
            submission("dea", "easy", true),
            submission("eli", "easy", false),
        ]);
        let rows: Vec<(&str, u32, u32, i64, u32)> =
            ranked.iter().map(|row| (row.user_id.as_str(), row.place, row.solved, row.points, row.attempts)).collect();
        assert_eq!(rows, [("ben", 1, 1, 10, 1), ("ann", 2, 1, 10, 3), ("cem", 3, 1, 5, 1), ("dea", 3, 1, 5, 1), ("eli", 5, 0, 0, 1)]);
        assert_eq!(rank([]), []);
    }

    fn any_submissions() -> impl Strategy<Value = Vec<Submission>> {
        let one = (0_u8..5, prop_oneof![Just("hard"), Just("easy"), Just("third")], any::<bool>())
            .prop_map(|(user, task, passed)| submission(&format!("u{user}"), task, passed));
        proptest::collection::vec(one, 0..30)
    }

    proptest! {
        #[test]
        fn the_order_of_submissions_does_not_matter(submissions in any_submissions()) {
            prop_assert_eq!(rank(submissions.clone()), rank(submissions.into_iter().rev()));
        }

        #[test]
        fn a_place_is_one_more_than_the_number_of_better_learners(submissions in any_submissions()) {
            let ranked = rank(submissions);
            for row in &ranked {
                let better = ranked.iter().filter(|other| (other.points, row.attempts) > (row.points, other.attempts)).count();
                prop_assert_eq!(row.place as usize, better + 1);
            }
        }
    }
}
