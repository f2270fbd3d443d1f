//! Statistics of attendance.
//!
//! Who came late was there. A lesson without a mark is in no number. Organizations differ in one thing: an excused absence counts
//! as an absence, or the lesson is left out. The organization's setting `"attendance_excused"` says which: `"counts"`, also when
//! there is no setting, or `"left_out"`.

use serde_json::Value;

use super::percent;

/// Marks by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// There in time.
    pub present: u32,
    /// There, but late.
    pub late: u32,
    /// Not there.
    pub absent: u32,
    /// Not there, with an excuse.
    pub excused: u32,
}

/// What becomes of excused absences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excused {
    /// They count like other absences.
    Counts,
    /// Their lessons are left out.
    LeftOut,
}

impl Excused {
    /// Reads the settings of an organization.
    pub fn of_settings(settings: &Value) -> Excused {
        match settings.get("attendance_excused").and_then(Value::as_str) {
            Some("left_out") => Excused::LeftOut,
            _ => Excused::Counts,
        }
    }
}

impl Marks {
    /// Counts one mark. A word that is not a mark is none.
    pub fn add(&mut self, status: &str, times: u32) {
        let count = match status {
            "present" => &mut self.present,
            "late" => &mut self.late,
            "absent" => &mut self.absent,
            "excused" => &mut self.excused,
            _ => return,
        };
        *count += times;
    }

    /// Number of marks.
    pub fn marked(&self) -> u32 {
        self.present + self.late + self.absent + self.excused
    }

    /// Attended lessons in percent of those that count; none when none counts.
    pub fn percent_attended(&self, excused: Excused) -> Option<f64> {
        let counted = match excused {
            Excused::Counts => self.marked(),
            Excused::LeftOut => self.marked() - self.excused,
        };
        percent(self.present + self.late, counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn excused_lessons_count_or_are_left_out_as_the_organization_says() {
        let mut marks = Marks::default();
        for status in ["present", "late", "absent", "excused", "asleep", ""] {
            marks.add(status, 1);
        }
        assert_eq!(marks.marked(), 4);
        assert_eq!(marks.percent_attended(Excused::Counts), Some(50.0));
        assert_eq!(marks.percent_attended(Excused::LeftOut), Some(66.67));
        assert_eq!(Marks { excused: 3, ..Marks::default() }.percent_attended(Excused::LeftOut), None);
        for counts in [json!({}), Value::Null, json!([]), json!({"attendance_excused": true}), json!({"attendance_excused": "counts"})] {
            assert_eq!(Excused::of_settings(&counts), Excused::Counts, "{counts}");
        }
        assert_eq!(Excused::of_settings(&json!({"attendance_excused": "left_out"})), Excused::LeftOut);
    }

    proptest! {
        #[test]
        fn leaving_excused_lessons_out_never_lowers_the_percentage(present in 0_u32..50, late in 0_u32..50, absent in 0_u32..50, excused in 0_u32..50) {
            let marks = Marks { present, late, absent, excused };
            let (counted, left_out) = (marks.percent_attended(Excused::Counts), marks.percent_attended(Excused::LeftOut));
            prop_assert!(left_out.is_none() || left_out >= counted);
            prop_assert_eq!(counted.is_none(), marks.marked() == 0);
            prop_assert!(counted.is_none_or(|percent| (0.0..=100.0).contains(&percent)));
        }
    }
}
