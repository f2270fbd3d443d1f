//! Generates the changes that people make on their laptops, from the rows that they see.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_client::store::{Edit, Writer, rows};
use waystation_model::access::Role;
use waystation_model::registry::Entity;
use waystation_model::wire::Operation;

use crate::any_table::AnyTable;
use crate::authority::table;
use crate::random::Random;
use crate::school::School;

/// The input from which changes are generated.
pub struct Author<'a> {
    /// The laptop's database.
    pub writer: &'a Writer,
    /// The author.
    pub user: Uuid,
    /// The author's role.
    pub role: Role,
    /// The people of the school.
    pub school: &'a School,
    /// Chooses the change.
    pub random: Random,
    /// A number that makes every generated text unique.
    pub serial: u64,
    /// The true time.
    pub now_ms: i64,
}

type Fields = Vec<(&'static str, Value)>;

impl Author<'_> {
    fn text(&self, id: Uuid) -> Value {
        json!(id.to_string())
    }

    fn new_text(&self) -> Value {
        json!(format!("w{}", self.serial))
    }

    fn new_id(&mut self) -> Uuid {
        Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | u128::from(self.serial) << 16 | u128::from(self.random.number() as u16))
    }

    /// One of the rows that this laptop has.
    fn any(&mut self, entity: &Entity) -> Option<(Uuid, Vec<Value>)> {
        let sql = format!("SELECT id FROM {} ORDER BY id", entity.name);
        let mut statement = self.writer.connection().prepare_cached(&sql).ok()?;
        let ids: Vec<String> = statement.query_map([], |row| row.get(0)).ok()?.filter_map(Result::ok).collect();
        // Often choose one of the first two rows, so that changes of different people meet.
        let near = if self.random.one_in(2) { ids.len().min(2) } else { ids.len() };
        let id = self.random.pick(&ids[..near])?;
        let row = rows::read(self.writer.connection(), entity, id).ok()??;
        Some((Uuid::parse_str(id).ok()?, row.values))
    }

    fn of(entity: &Entity, values: &[Value], name: &str) -> Value {
        entity.column_index(name).map_or(Value::Null, |index| values[index].clone())
    }

    fn put(&self, name: &str, id: Option<Uuid>, fields: Fields) -> Vec<Edit> {
        vec![Edit::put(table(name), id, fields)]
    }

    /// A change of a row of any table, which this person may make or not, and which may break a rule.
    pub fn any_table(&mut self) -> Vec<Edit> {
        let new_id = self.new_id();
        let (random, serial, now_ms, author) = (Random::of(self.random.number()), self.serial, self.now_ms, self.user);
        let school = self.school;
        let mut any = |entity: &'static Entity, random: &mut Random| {
            let mut seen = Author { random: Random::of(random.number()), ..*self };
            seen.any(entity)
        };
        let elsewhere = |name: &str| school.elsewhere(name);
        let mut generic = AnyTable { random, serial, now_ms, author, keys: "k".to_owned(), new_id, any: &mut any, elsewhere: &elsewhere };
        let Some(change) = generic.change(|entity| !entity.write.is_empty()) else { return Vec::new() };
        let id = change.is_made.then_some(change.row);
        vec![match change.op {
            Operation::Put => Edit::put(change.entity, id, change.fields),
            Operation::Delete => Edit::delete(change.entity, change.row),
        }]
    }

    /// A change that this person may make, or none.
    pub fn change(&mut self) -> Vec<Edit> {
        let choice = self.random.below(10);
        match (self.role, choice) {
            (_, 0) => self.profile(),
            (_, 1) => self.settle(),
            (Role::Learner, 2) => self.enroll(),
            (Role::Learner, 3 | 4) => self.attempt(),
            (Role::Learner, _) => self.progress(),
            (Role::Teacher, 2) => self.membership(),
            (Role::Teacher, 3) => self.group(),
            (Role::Teacher, _) => self.mark(),
            (Role::Instructor, 2) => self.station(),
            (Role::Instructor, 3) => self.equipment(),
            (Role::Instructor, 4) => self.course(),
            (Role::Instructor, 5) => self.make_or_delete_topic(),
            (Role::Instructor, 6) => self.make_or_delete_module(),
            (Role::Instructor, 7) => self.enrollment(),
            (Role::Instructor, _) => self.topic(),
            (Role::Admin, 2) => self.station(),
            (Role::Admin, 3) => self.delete_station(),
            (Role::Admin, 4) => self.person(),
            (Role::Admin, 5) => self.membership(),
            (Role::Admin, 6) => self.group(),
            (Role::Admin, 7) => self.balance(),
            (Role::Admin, 8) => self.course(),
            (Role::Admin, _) => self.mark(),
            (Role::Parent, _) => self.profile(),
        }
    }

    fn profile(&mut self) -> Vec<Edit> {
        let column = *self.random.pick(&["bio", "company"]).unwrap_or(&"bio");
        self.put("user_profiles", None, vec![("user_id", self.text(self.user)), (column, self.new_text())])
    }

    fn settle(&mut self) -> Vec<Edit> {
        if self.random.one_in(2) {
            return self.decide();
        }
        let Some((id, _)) = self.any(table("conflicts")) else { return Vec::new() };
        self.put("conflicts", Some(id), vec![("settled_by", self.text(self.user)), ("settled_at", json!(self.now_ms))])
    }

    fn decide(&mut self) -> Vec<Edit> {
        let state = *self.random.pick(&["accepted", "refused"]).unwrap_or(&"accepted");
        if let Some((id, _)) = self.any(table("held_changes")) {
            return self.put("held_changes", Some(id), vec![("state", json!(state))]);
        }
        let Some((id, _)) = self.any(table("offered_rows")) else { return Vec::new() };
        self.put("offered_rows", Some(id), vec![("state", json!(state))])
    }

    fn progress(&mut self) -> Vec<Edit> {
        let topics = table("topics");
        let Some((topic, values)) = self.any(topics) else { return Vec::new() };
        let course = Self::of(topics, &values, "course_id");
        let progress = table("topic_progress");
        let mut key = progress.empty_values();
        for (name, value) in [("user_id", self.text(self.user)), ("topic_id", self.text(topic))] {
            key[progress.column_index(name).expect("a key")] = value;
        }
        let id = progress.id_of(&key).expect("a derived id").to_string();
        let seen = rows::read(self.writer.connection(), progress, &id).ok().flatten();
        let mut reset = seen.map_or(0, |row| Self::of(progress, &row.values, "reset_number").as_i64().unwrap_or(0));
        // Each reset is one more than what this laptop sees, so two concurrent ones count as one.
        if self.random.one_in(8) {
            reset += 1;
        }
        let percent = if self.random.one_in(40) { 101 } else { self.random.between(0, 100) };
        let mut fields = vec![
            ("user_id", self.text(self.user)),
            ("topic_id", self.text(topic)),
            ("course_id", course),
            ("percent", json!(percent)),
            ("completed", json!(percent == 100)),
            ("time_spent_seconds", json!(self.random.between(1, 60))),
        ];
        if percent % 7 != 0 {
            fields.push(("reset_number", json!(reset)));
        }
        let edit = Edit::put(progress, None, fields);
        vec![if self.random.one_in(2) { edit.coalescing() } else { edit }]
    }

    fn enroll(&mut self) -> Vec<Edit> {
        let Some((course, _)) = self.any(table("courses")) else { return Vec::new() };
        self.put("enrollments", None, vec![("user_id", self.text(self.user)), ("course_id", self.text(course))])
    }

    fn enrollment(&mut self) -> Vec<Edit> {
        let Some((id, _)) = self.any(table("enrollments")) else { return Vec::new() };
        if self.random.one_in(3) {
            let status = *self.random.pick(&["dropped", "in_progress", "completed"]).unwrap_or(&"dropped");
            return self.put("enrollments", Some(id), vec![("status", json!(status))]);
        }
        self.put("enrollments", Some(id), vec![("due_at", json!(self.now_ms + self.serial as i64))])
    }

    fn attempt(&mut self) -> Vec<Edit> {
        let attempts = table("assessment_attempts");
        if let Some((id, _)) = self.any(attempts).filter(|_| self.random.one_in(2)) {
            let question = crate::school::id(10, 1).to_string();
            let answer = json!({ question: self.random.between(6, 8) });
            return self.put("assessment_attempts", Some(id), vec![("answers", answer), ("submitted_at", json!(self.now_ms))]);
        }
        let tests = table("assessments");
        let Some((test, values)) = self.any(tests) else { return Vec::new() };
        let id = self.new_id();
        let fields = vec![
            ("assessment_id", self.text(test)),
            ("user_id", self.text(self.user)),
            ("course_id", Self::of(tests, &values, "course_id")),
            ("attempt_number", json!(self.random.between(1, 3))),
            ("started_at", json!(self.now_ms)),
        ];
        self.put("assessment_attempts", Some(id), fields)
    }

    fn mark(&mut self) -> Vec<Edit> {
        let Some((group, _)) = self.any(table("groups")) else { return Vec::new() };
        let learners: Vec<Uuid> = self.school.people.iter().filter(|(_, role)| *role == Role::Learner).map(|(user, _)| *user).collect();
        let Some(learner) = self.random.pick(&learners).copied() else { return Vec::new() };
        let mut fields = vec![
            ("group_id", self.text(group)),
            ("student_id", self.text(learner)),
            ("lesson_date", json!(format!("2026-03-0{}", 1 + self.random.below(2)))),
        ];
        if self.random.one_in(3) {
            fields.push(("note", self.new_text()));
        } else {
            let status = *self.random.pick(&["present", "late", "absent", "excused"]).unwrap_or(&"late");
            let status = if self.random.one_in(6) { Value::Null } else { json!(status) };
            fields.extend([("status", status), ("marked_by", self.text(self.user)), ("marked_at", json!(self.now_ms))]);
        }
        self.put("attendance_records", None, fields)
    }

    fn membership(&mut self) -> Vec<Edit> {
        let memberships = table("group_memberships");
        let Some((id, values)) = self.any(memberships) else { return Vec::new() };
        let active = Self::of(memberships, &values, "is_active") == true;
        let joined = Self::of(memberships, &values, "joined_at").as_i64().unwrap_or(0);
        let fields = if active {
            vec![("is_active", json!(false)), ("joined_at", json!(joined)), ("left_at", json!(self.now_ms.max(joined)))]
        } else {
            vec![("is_active", json!(true)), ("joined_at", json!(self.now_ms)), ("left_at", Value::Null)]
        };
        self.put("group_memberships", Some(id), fields)
    }

    fn group(&mut self) -> Vec<Edit> {
        let Some((id, _)) = self.any(table("groups")) else { return Vec::new() };
        let column = *self.random.pick(&["name", "description"]).unwrap_or(&"name");
        self.put("groups", Some(id), vec![(column, self.new_text())])
    }

    fn topic(&mut self) -> Vec<Edit> {
        let name = *self.random.pick(&["topics", "modules"]).unwrap_or(&"topics");
        let Some((id, _)) = self.any(table(name)) else { return Vec::new() };
        let column = *self.random.pick(&["title", "description"]).unwrap_or(&"title");
        let mut fields = vec![(column, self.new_text())];
        if self.random.one_in(3) {
            fields.push(("position", json!(self.random.between(0, 5))));
        }
        self.put(name, Some(id), fields)
    }

    fn make_or_delete_topic(&mut self) -> Vec<Edit> {
        let (topics, modules) = (table("topics"), table("modules"));
        if self.random.one_in(3) {
            return self.any(topics).map(|(id, _)| vec![Edit::delete(topics, id)]).unwrap_or_default();
        }
        let Some((module, values)) = self.any(modules) else { return Vec::new() };
        let id = self.new_id();
        let fields =
            vec![("module_id", self.text(module)), ("course_id", Self::of(modules, &values, "course_id")), ("title", self.new_text())];
        self.put("topics", Some(id), fields)
    }

    fn make_or_delete_module(&mut self) -> Vec<Edit> {
        let modules = table("modules");
        if self.random.one_in(4) {
            return self.any(modules).map(|(id, _)| vec![Edit::delete(modules, id)]).unwrap_or_default();
        }
        let Some((course, _)) = self.any(table("courses")) else { return Vec::new() };
        let id = self.new_id();
        self.put("modules", Some(id), vec![("course_id", self.text(course)), ("title", self.new_text())])
    }

    fn course(&mut self) -> Vec<Edit> {
        let Some((id, _)) = self.any(table("courses")) else { return Vec::new() };
        let fields = match self.random.below(4) {
            0 => vec![("status", json!(self.random.pick(&["draft", "published"]).unwrap_or(&"draft")))],
            1 => vec![("price_minor", json!(self.serial)), ("currency", json!("EUR"))],
            2 => vec![("course_code", json!(format!("C{}", self.random.below(3))))],
            _ => vec![("title", self.new_text())],
        };
        self.put("courses", Some(id), fields)
    }

    fn station(&mut self) -> Vec<Edit> {
        if self.random.one_in(4) {
            let id = self.new_id();
            let code = json!(format!("S{}", self.random.below(5)));
            return self.put("stations", Some(id), vec![("name", self.new_text()), ("code", code)]);
        }
        let Some((id, _)) = self.any(table("stations")) else { return Vec::new() };
        let column = *self.random.pick(&["name", "phone", "region"]).unwrap_or(&"name");
        self.put("stations", Some(id), vec![(column, self.new_text())])
    }

    fn delete_station(&mut self) -> Vec<Edit> {
        let stations = table("stations");
        self.any(stations).map(|(id, _)| vec![Edit::delete(stations, id)]).unwrap_or_default()
    }

    fn equipment(&mut self) -> Vec<Edit> {
        let equipment = table("station_equipment");
        let there = self.any(equipment);
        match (self.random.below(4), there) {
            (0, Some((id, _))) => vec![Edit::delete(equipment, id)],
            (1 | 2, Some((id, _))) => self.put("station_equipment", Some(id), vec![("note", self.new_text())]),
            _ => {
                let Some((station, _)) = self.any(table("stations")) else { return Vec::new() };
                let id = self.new_id();
                self.put("station_equipment", Some(id), vec![("station_id", self.text(station)), ("name", self.new_text())])
            }
        }
    }

    fn person(&mut self) -> Vec<Edit> {
        let Some((id, _)) = self.any(table("users")) else { return Vec::new() };
        let fields = match self.random.below(4) {
            0 => vec![("full_name", self.new_text())],
            1 => vec![("user_name", json!(format!("person-{}", 1 + self.random.below(9))))],
            _ => vec![("phone", self.new_text())],
        };
        self.put("users", Some(id), fields)
    }

    fn balance(&mut self) -> Vec<Edit> {
        let Some((id, _)) = self.any(table("student_profiles")) else { return Vec::new() };
        if self.random.one_in(2) {
            return self.put("student_profiles", Some(id), vec![("grade", self.new_text())]);
        }
        self.put("student_profiles", Some(id), vec![("balance_minor", json!(self.serial)), ("currency", json!("EUR"))])
    }
}
