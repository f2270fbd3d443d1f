//! A small organization with all rows that simulated people change concurrently.

use serde_json::{Value, json};
use sync_server::failure::Failure;
use uuid::Uuid;
use waystation_model::access::Role;

use crate::authority::{Memory, MemoryWriting, table};

/// The ids of its people and rows.
#[derive(Debug, Clone, Default)]
pub struct School {
    /// The organization.
    pub organization: Uuid,
    /// Accounts and their first roles.
    pub people: Vec<(Uuid, Role)>,
    /// Groups.
    pub groups: Vec<Uuid>,
    /// Courses; the first is published.
    pub courses: Vec<Uuid>,
    /// One module of each course.
    pub modules: Vec<Uuid>,
    /// Stations.
    pub stations: Vec<Uuid>,
    /// A test of the first course.
    pub assessment: Uuid,
    /// One row of another organization by its table.
    pub elsewhere: Vec<(&'static str, Uuid)>,
}

/// Makes an id from a kind of row and a number, so that it is readable in a trace.
pub fn id(kind: u128, number: u128) -> Uuid {
    Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000 | (kind << 112) | number)
}

/// The people, in the order in which they get laptops.
const PEOPLE: &[(u128, Role)] = &[
    (1, Role::Teacher),
    (2, Role::Instructor),
    (3, Role::Learner),
    (4, Role::Admin),
    (5, Role::Teacher),
    (6, Role::Learner),
    (7, Role::Parent),
];

impl School {
    /// Fills empty tables.
    ///
    /// # Errors
    /// When the rules refuse a row, which is a bug in this function.
    pub fn found(memory: &Memory) -> Result<School, Failure> {
        Ok(memory.by_other_program(School::fill)?.0)
    }

    /// Makes another organization with rows in the same tables.
    ///
    /// # Errors
    /// When the rules refuse a row, which is a bug in this function.
    pub fn found_neighbour(&mut self, memory: &Memory) -> Result<(), Failure> {
        type Given<'a> = &'a [(&'a str, Value)];
        let other = id(1, 100);
        let text = |id: Uuid| json!(id.to_string());
        let (user, group, station, course, module) = (id(2, 100), id(3, 100), id(4, 100), id(6, 100), id(7, 100));
        let rows: [(&'static str, Uuid, Given<'_>); 9] = [
            ("organizations", other, &[("name", json!("Neighbour")), ("slug", json!("neighbour"))]),
            ("users", user, &[("user_name", json!("neighbour")), ("role", json!("instructor"))]),
            ("groups", group, &[("teacher_id", text(user)), ("name", json!("Group"))]),
            ("stations", station, &[("name", json!("Station")), ("code", json!("S1"))]),
            ("courses", course, &[("title", json!("Course")), ("instructor_id", text(user)), ("status", json!("published"))]),
            ("modules", module, &[("course_id", text(course)), ("title", json!("Module"))]),
            ("topics", id(8, 100), &[("course_id", text(course)), ("module_id", text(module)), ("title", json!("Topic"))]),
            ("media_assets", id(14, 100), &[("course_id", text(course)), ("title", json!("File"))]),
            ("assessments", id(9, 100), &[("course_id", text(course)), ("title", json!("Quiz"))]),
        ];
        self.elsewhere = rows.iter().map(|(name, id, _)| (*name, *id)).collect();
        memory.by_other_program(|writing| {
            for (name, id, given) in &rows {
                writing.make(table(name), other, *id, given)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// A row of another organization.
    pub fn elsewhere(&self, name: &str) -> Option<Uuid> {
        self.elsewhere.iter().find(|(of, _)| *of == name).map(|(_, id)| *id)
    }

    /// Fills empty tables within a transaction.
    ///
    /// # Errors
    /// When the rules refuse a row, which is a bug in this function.
    pub fn fill(writing: &mut MemoryWriting) -> Result<School, Failure> {
        let mut school = School { organization: id(1, 1), ..School::default() };
        let org = school.organization;
        let make = |writing: &mut MemoryWriting, name: &str, id: Uuid, given: &[(&str, Value)]| writing.make(table(name), org, id, given);
        make(writing, "organizations", org, &[("name", json!("School")), ("slug", json!("school"))])?;
        for (number, role) in PEOPLE {
            let user = id(2, *number);
            let name = format!("person-{number}");
            make(writing, "users", user, &[("user_name", json!(name)), ("full_name", json!(name)), ("role", json!(role.word()))])?;
            school.people.push((user, *role));
            if *role == Role::Learner {
                make(writing, "student_profiles", user, &[("user_id", json!(user.to_string()))])?;
            }
        }
        let of = |school: &School, role: Role| -> Vec<Uuid> {
            school.people.iter().filter(|(_, is)| *is == role).map(|(user, _)| *user).collect()
        };
        let (teachers, learners) = (of(&school, Role::Teacher), of(&school, Role::Learner));
        let parent = of(&school, Role::Parent)[0];
        make(writing, "guardian_links", org, &[("parent_id", json!(parent.to_string())), ("student_id", json!(learners[0].to_string()))])?;
        for (number, teacher) in (1..).zip(&teachers) {
            let group = id(3, number);
            make(writing, "groups", group, &[("teacher_id", json!(teacher.to_string())), ("name", json!(format!("Group {number}")))])?;
            school.groups.push(group);
            for learner in &learners {
                let joined = writing.now_ms() - 86_400_000;
                make(
                    writing,
                    "group_memberships",
                    org,
                    &[
                        ("group_id", json!(group.to_string())),
                        ("user_id", json!(learner.to_string())),
                        ("joined_at", json!(joined)),
                        ("is_active", json!(true)),
                    ],
                )?;
            }
        }
        school.stations_and_courses(writing, of(&school, Role::Instructor)[0], &learners)?;
        Ok(school)
    }

    fn stations_and_courses(&mut self, writing: &mut MemoryWriting, instructor: Uuid, learners: &[Uuid]) -> Result<(), Failure> {
        let org = self.organization;
        let text = |id: Uuid| json!(id.to_string());
        for number in 1..=2 {
            let station = id(4, number);
            writing.make(
                table("stations"),
                org,
                station,
                &[("name", json!(format!("Station {number}"))), ("code", json!(format!("S{number}")))],
            )?;
            writing.make(
                table("station_equipment"),
                org,
                id(5, number),
                &[("station_id", text(station)), ("name", json!(format!("Pump {number}")))],
            )?;
            self.stations.push(station);
        }
        for (number, status) in [(1, "published"), (2, "draft")] {
            let course = id(6, number);
            writing.make(
                table("courses"),
                org,
                course,
                &[
                    ("title", json!(format!("Course {number}"))),
                    ("instructor_id", text(instructor)),
                    ("status", json!(status)),
                    ("is_public", json!(true)),
                ],
            )?;
            let module = id(7, number);
            writing.make(table("modules"), org, module, &[("course_id", text(course)), ("title", json!("Module"))])?;
            for topic in 1..=2 {
                writing.make(
                    table("topics"),
                    org,
                    id(8, number * 10 + topic),
                    &[("course_id", text(course)), ("module_id", text(module)), ("title", json!(format!("Topic {topic}")))],
                )?;
            }
            self.courses.push(course);
            self.modules.push(module);
        }
        for learner in learners {
            writing.make(
                table("enrollments"),
                org,
                org,
                &[("user_id", text(*learner)), ("course_id", text(self.courses[0])), ("enrollment_type", json!("assigned"))],
            )?;
        }
        self.assessment = id(9, 1);
        writing.make(
            table("assessments"),
            org,
            self.assessment,
            &[
                ("course_id", text(self.courses[0])),
                ("kind", json!("quiz")),
                ("title", json!("Quiz")),
                ("graded_by", json!("server")),
                ("attempts_max", json!(2)),
                ("passing_percent", json!(50.0)),
            ],
        )?;
        let question = id(10, 1);
        writing.make(
            table("questions"),
            org,
            question,
            &[
                ("assessment_id", text(self.assessment)),
                ("course_id", text(self.courses[0])),
                ("question_type", json!("numeric")),
                ("points", json!(2.0)),
            ],
        )?;
        writing.make(
            table("answer_keys"),
            org,
            org,
            &[
                ("assessment_id", text(self.assessment)),
                ("course_id", text(self.courses[0])),
                ("keys", json!({ question.to_string(): { "number": 7, "tolerance": 0 } })),
            ],
        )?;
        Ok(())
    }
}
