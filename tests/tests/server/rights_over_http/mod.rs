//! The table of rights, cell by cell, over HTTP: for every role and every table, reading, inserting, changing and deleting a row of
//! each kind that the rules tell apart, the allowed and the refused. The cells follow from the registry; what they must answer
//! follows from [`people::Facts`].

mod people;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use uuid::Uuid;
use waystation_model::access::{Role, Rules};
use waystation_model::registry::{self, Column, Entity, IdRule, Merge, When, listed};
use waystation_model::scope::ScopeKind;
use waystation_tests::Outcome;
use waystation_tests::program::{Program, RowAnswer};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

use people::{Facts, Fields, Person};
use rows::{Corner, Rows, completed, deciding, derived_id, for_sql, from_sql, kind_of, kind_to_read, rules_of};

/// One of each role. The course and the group of the instructor and the teacher are the learner's; the parent is the learner's.
const PEOPLE: [(&str, Role); 5] =
    [("vusal", Role::Admin), ("rauf", Role::Instructor), ("sabina", Role::Teacher), ("aysel", Role::Learner), ("leyla", Role::Parent)];
/// Cells that are asked at least; fewer would mean that the rows do not tell the rules apart any more.
const CELLS_MIN: usize = 2_000;
/// Status of the learner's other enrollments.
const OTHER_STATUSES: [&str; 3] = ["in_progress", "completed", "dropped"];

struct Asker {
    name: &'static str,
    person: Person,
    program: Program,
}

/// A row that exists.
struct Standing {
    entity: &'static Entity,
    row: Fields,
}

fn id_of(row: &Fields) -> Uuid {
    row["id"].as_str().and_then(|id| id.parse().ok()).expect("a row has an id")
}

struct Town {
    _server: LocalServer,
    school: School,
    facts: Facts,
    askers: Vec<Asker>,
    /// The administrator of another organization.
    stranger: Program,
    corners: Vec<Corner>,
    rows: Rows,
    standing: Vec<Standing>,
    /// Requests that were answered as they must be.
    cells: usize,
    /// By table and operation: how often somebody was let through.
    let_through: BTreeMap<(&'static str, &'static str), usize>,
    /// By table, operation, rule and condition: whether it was asked unfulfilled and fulfilled.
    conditions: BTreeMap<(&'static str, &'static str, usize, usize), [bool; 2]>,
    wrong: Vec<String>,
}

/// The people and rows on which rights depend: a published course and a group of one's own, another's, and a draft of one's own.
async fn town() -> Outcome<Town> {
    let (server, mut school) = open().await?;
    let mut other = School::create(server.database()).await?;
    other.person("admin", "nobody").await?;
    let mut people = BTreeMap::new();
    for (name, role) in PEOPLE.iter().copied().chain([
        ("nigar", Role::Instructor),
        ("tofiq", Role::Teacher),
        ("murad", Role::Learner),
        ("emin", Role::Parent),
    ]) {
        people.insert(name, school.person(role.word(), name).await?);
    }
    for (parent, child) in [("leyla", "aysel"), ("emin", "murad")] {
        school.insert("guardian_links", json!({"parent_id": people[parent], "student_id": people[child]})).await?;
    }
    let own = school.course(Some(people["rauf"]), "published", 1).await?;
    let theirs = school.course(Some(people["nigar"]), "published", 1).await?;
    let draft = school.course(Some(people["rauf"]), "draft", 1).await?;
    school.run("UPDATE courses SET is_public = true").await?;
    let groups = [school.group(people["sabina"], &[people["aysel"]]).await?, school.group(people["tofiq"], &[people["murad"]]).await?];
    for (name, course) in [("aysel", &own), ("aysel", &draft), ("murad", &theirs)] {
        school.enrol(people[name], course).await?;
    }
    let mut other_course = own.id;
    for status in OTHER_STATUSES {
        let course = school.course(Some(people["nigar"]), "published", 0).await?;
        other_course = course.id;
        let row = json!({"user_id": people["aysel"], "course_id": course.id, "enrollment_type": "assigned", "status": status});
        school.insert("enrollments", row).await?;
    }
    let corner = |names: [&str; 3], course: &Course, group: Uuid| {
        let one = |id: Uuid| vec![Fields::from_iter([("id".to_owned(), json!(id))])];
        let of_course = |id: Uuid| vec![Fields::from_iter([("id".to_owned(), json!(id)), ("course_id".to_owned(), json!(course.id))])];
        let mut topic = of_course(course.topics[0]);
        topic[0].insert("module_id".to_owned(), json!(course.module));
        let courses = one(course.id).into_iter().chain(one(other_course)).collect();
        let rows = [("courses", courses), ("groups", one(group)), ("modules", of_course(course.module)), ("topics", topic)];
        Corner { people: names.map(|name| people[name]).to_vec(), rows: rows.into_iter().collect() }
    };
    let corners = vec![
        corner(["aysel", "rauf", "sabina"], &own, groups[0]),
        corner(["murad", "nigar", "tofiq"], &theirs, groups[1]),
        corner(["aysel", "rauf", "sabina"], &draft, groups[0]),
    ];
    let mut askers = Vec::new();
    for (name, role) in PEOPLE {
        let program = Program::sign_in(&server.url(), name).await?;
        askers.push(Asker { name, person: Person { id: people[name], role }, program });
    }
    let stranger = Program::sign_in(&server.url(), "nobody").await?;
    let facts = Facts::read(&mut school).await?;
    let (rows, standing, cells) = (Rows::default(), Vec::new(), 0);
    let (let_through, conditions, wrong) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    Ok(Town { _server: server, school, facts, askers, stranger, corners, rows, standing, cells, let_through, conditions, wrong })
}

/// Whether the rules let anybody make a row.
fn may_be_made(entity: &Entity) -> bool {
    let has_key = |column: &Column| column.merge == Merge::Key && column.by.is_some_and(<[_]>::is_empty);
    !entity.write.is_empty() && !entity.columns.iter().any(has_key)
}

fn was_let_through(answer: &RowAnswer) -> bool {
    !matches!(answer.code(), Some("not_allowed" | "not_found" | "unknown_entity"))
}

impl Town {
    /// Compares an answer with what it must be; none: the right is there, and only another rule may refuse.
    fn expect(&mut self, what: &str, entity: &'static Entity, operation: &'static str, expected: Option<&str>, answer: &RowAnswer) {
        self.cells += 1;
        let is_right = match expected {
            None => was_let_through(answer) && answer.status != StatusCode::ACCEPTED && !answer.status.is_server_error(),
            Some(code) => answer.code() == Some(code),
        };
        if !is_right {
            self.wrong.push(format!("{what} {}: {operation}: expected {expected:?}, was {} {}", entity.name, answer.status, answer.body));
        }
        if answer.status.is_success() {
            *self.let_through.entry((entity.name, operation)).or_default() += 1;
        }
    }

    /// Notes which conditions of these rules hold for a row that is asked about.
    fn note(&mut self, entity: &'static Entity, operation: &'static str, rules: Rules, person: Person, row: &Fields) {
        for (number, rule) in rules.iter().enumerate() {
            for (place, who) in rule.iter().enumerate() {
                let holds = self.facts.holds(*who, person, row);
                self.conditions.entry((entity.name, operation, number, place)).or_default()[usize::from(holds)] = true;
            }
        }
    }

    /// Notes the same of the scopes of a row. Everybody here subscribes to the organization, and the stranger asks instead of who does
    /// not. What the server fills in follows from other rows, which this test does not vary.
    fn note_read(&mut self, entity: &'static Entity, person: Person, row: &Fields) {
        for (number, rule) in entity.scopes.iter().enumerate() {
            let (subscribes, is_in) = self.facts.reads_by(entity, rule, person, row);
            let by_people = |when: &When| entity.column(when.column()).is_some_and(|column| column.merge != Merge::Server);
            let scope = (rule.kind != ScopeKind::Org).then_some((0, subscribes));
            let condition = rule.when.as_ref().filter(|when| by_people(when)).map(|_| (1, is_in));
            for (place, holds) in scope.into_iter().chain(condition) {
                self.conditions.entry((entity.name, "read", number, place)).or_default()[usize::from(holds)] = true;
            }
        }
    }

    /// Rights that a row of this test gave for a moment are not former rights: a change by them would wait for a decision.
    async fn forget_rights(&mut self) -> Outcome<()> {
        self.school.run("DELETE FROM former_rights; DELETE FROM known_rights").await
    }

    /// Takes away a row that a request has made. One that is never deleted, such as a payment, stays.
    async fn remove(&mut self, entity: &'static Entity, id: Uuid) -> Outcome<()> {
        let removed = self.school.run(format!("DELETE FROM {} WHERE id = '{id}'", entity.name)).await;
        if matches!(entity.id, IdRule::Derived(_)) {
            removed?;
        }
        if entity.gives_rights() {
            self.forget_rights().await?;
        }
        Ok(())
    }

    async fn exists(&mut self, entity: &'static Entity, id: Uuid) -> Outcome<bool> {
        Ok(self.school.value(format!("SELECT count(*) FROM {} WHERE id = '{id}'", entity.name)).await? == json!(1))
    }

    /// The rows of this organization.
    async fn ids(&mut self, entity: &'static Entity) -> Outcome<BTreeSet<Uuid>> {
        let sql = format!("SELECT id FROM {} WHERE organization_id = $1", entity.name);
        let ids: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(sql)).bind(self.school.organization).fetch_all(&mut self.school.sql).await?;
        Ok(ids.into_iter().collect())
    }

    /// Asks for one row of every kind, and takes away what was made.
    async fn insert(&mut self, entity: &'static Entity) -> Outcome<()> {
        let there = self.ids(entity).await?;
        let exists = |row: &Fields| derived_id(entity, row).is_some_and(|id| there.contains(&id));
        for asker in 0..self.askers.len() {
            let (name, person, program) = self.asker(asker);
            let kind = |_: usize, row: &Fields, whole: &Fields| {
                let given: Vec<String> = row.keys().cloned().collect();
                (exists(row), kind_of(&self.facts, &rules_of(entity, row), person, whole), given)
            };
            for (_, row) in self.rows.of(entity, person, &self.corners, kind) {
                if exists(&row) {
                    continue;
                }
                let whole = completed(entity, &row);
                let may = self.facts.allow(entity.write, person, &whole) && self.facts.gives(entity, person, &whole, &row);
                self.note(entity, "write", entity.write, person, &whole);
                let answer = program.make(entity.name, Value::Object(row.clone())).await?;
                self.expect(&format!("{name} {row:?}"), entity, "insert", (!may).then_some("not_allowed"), &answer);
                if answer.status == StatusCode::CREATED {
                    self.remove(entity, answer.id()).await?;
                }
            }
        }
        Ok(())
    }

    /// Puts rows of every kind into the table by plain SQL. Those on which rights depend are there already.
    async fn put_rows(&mut self, entity: &'static Entity) -> Outcome<()> {
        let mut seen = BTreeSet::new();
        let is_made = !entity.gives_rights() && may_be_made(entity);
        for asker in 0..self.askers.len() {
            let person = self.askers[asker].person;
            let rules: Vec<Rules> = rules_of(entity, &completed(entity, &Fields::new())).into_iter().chain([entity.delete]).collect();
            let kind = |corner: usize, _: &Fields, whole: &Fields| {
                (corner, kind_of(&self.facts, &rules, person, whole), kind_to_read(&self.facts, entity, person, whole))
            };
            for (corner, row) in self.rows.of(entity, person, &self.corners, kind).into_iter().filter(|_| is_made) {
                let id = derived_id(entity, &row).unwrap_or_else(Uuid::now_v7);
                if !seen.insert(id) {
                    continue;
                }
                let mut whole = for_sql(entity, &row);
                for (name, value) in for_sql(entity, &completed(entity, &row)) {
                    let is_ours = entity.column(&name).is_some_and(|column| column.merge != Merge::Server);
                    if is_ours && !value.is_null() && !whole.contains_key(&name) {
                        whole.insert(name, value);
                    }
                }
                whole.insert("id".to_owned(), json!(id));
                // The database refuses some, such as work of a person who is not enrolled.
                if self.school.insert(entity.name, Value::Object(whole)).await.is_err() {
                    continue;
                }
                let stored = self.stored(entity, id).await?;
                self.corners[corner].rows.entry(entity.name).or_default().push(stored);
            }
        }
        for id in self.ids(entity).await? {
            let row = self.stored(entity, id).await?;
            if !is_made {
                self.give_to_corners(entity, &row);
            }
            self.standing.push(Standing { entity, row });
        }
        Ok(())
    }

    /// A row that was there before belongs to the corners whose course or group it names.
    fn give_to_corners(&mut self, entity: &'static Entity, row: &Fields) {
        for corner in &mut self.corners {
            let is_of =
                |table: &str| corner.rows.get(table).is_some_and(|rows| row.iter().any(|(name, id)| name != "id" && *id == rows[0]["id"]));
            if entity.name != "courses" && entity.name != "groups" && (is_of("courses") || is_of("groups")) {
                corner.rows.entry(entity.name).or_default().push(row.clone());
            }
        }
    }

    /// A row with all its registered columns, in the form of a request.
    async fn stored(&mut self, entity: &'static Entity, id: Uuid) -> Outcome<Fields> {
        let row = self.school.value(format!("SELECT to_jsonb(t) FROM {} t WHERE id = '{id}'", entity.name)).await?;
        let mut fields = Fields::from_iter([("id".to_owned(), json!(id))]);
        for column in entity.columns {
            fields.insert(column.name.to_owned(), from_sql(column, &row[column.name])?);
        }
        Ok(fields)
    }

    /// One row of each kind of this table.
    fn kinds<K: Ord>(&self, entity: &'static Entity, kind: impl Fn(&Fields) -> K) -> Vec<Fields> {
        let mut kinds = BTreeSet::new();
        let of_table = self.standing.iter().filter(|standing| standing.entity.name == entity.name);
        of_table.filter(|standing| kinds.insert(kind(&standing.row))).map(|standing| standing.row.clone()).collect()
    }

    /// The code of a refusal: a row that one does not see is not found.
    fn refusal(&self, entity: &'static Entity, person: Person, row: &Fields) -> &'static str {
        if self.facts.reads(entity, person, row) { "not_allowed" } else { "not_found" }
    }

    async fn read(&mut self, entity: &'static Entity) -> Outcome<()> {
        let rows: Vec<(Uuid, Fields)> = self
            .standing
            .iter()
            .filter(|standing| standing.entity.name == entity.name)
            .map(|standing| (id_of(&standing.row), standing.row.clone()))
            .collect();
        for asker in 0..self.askers.len() {
            let (name, person, program) = self.asker(asker);
            let listed = program.list(entity.name, &[("limit", "500")]).await?;
            let listed: BTreeSet<Uuid> = listed.iter().filter_map(|row| row["id"].as_str()?.parse().ok()).collect();
            let seen = rows.iter().filter(|(_, row)| self.facts.reads(entity, person, row)).map(|(id, _)| *id).collect();
            self.cells += 1;
            for id in listed.symmetric_difference(&seen) {
                let row = rows.iter().find(|(known, _)| known == id).map(|(_, row)| row);
                self.wrong.push(format!("{name} {}: list: {} {row:?}", entity.name, if seen.contains(id) { "lacks" } else { "has" }));
            }
            for row in self.kinds(entity, |row| kind_to_read(&self.facts, entity, person, row)) {
                let id = id_of(&row);
                let sees = self.facts.reads(entity, person, &row);
                self.note_read(entity, person, &row);
                let answer = program.get(entity.name, id).await?;
                self.expect(&format!("{name} {row:?}"), entity, "read", (!sees).then_some("not_found"), &answer);
            }
        }
        Ok(())
    }

    fn asker(&self, index: usize) -> (&'static str, Person, Program) {
        let Asker { name, person, program } = &self.askers[index];
        (name, *person, program.clone())
    }

    /// Gives columns the values that they have, and those that decide about rights another value where the new row would be out of the
    /// person's rights.
    async fn change(&mut self, entity: &'static Entity) -> Outcome<()> {
        for asker in 0..self.askers.len() {
            let (name, person, program) = self.asker(asker);
            let mut asked = BTreeSet::new();
            let rules = rules_of(entity, &completed(entity, &Fields::new()));
            let kind = |row: &Fields| (kind_of(&self.facts, &rules, person, row), self.facts.reads(entity, person, row));
            for row in self.kinds(entity, kind) {
                let id = id_of(&row);
                for given in self.changes(entity, &row) {
                    let changed: Fields = row.iter().chain(&given).map(|(name, value)| (name.clone(), value.clone())).collect();
                    let before = self.facts.allow(entity.write, person, &row);
                    let after = self.facts.allow(entity.write, person, &changed) && self.facts.gives(entity, person, &changed, &given);
                    let is_same = changed == row;
                    // What is allowed and would change the row is not asked: the next cells need it.
                    if before && after && !is_same {
                        continue;
                    }
                    let rules = rules_of(entity, &given);
                    let kinds = [&row, &changed].map(|row| kind_of(&self.facts, &rules, person, row));
                    let sees = self.facts.reads(entity, person, &row);
                    if !asked.insert((kinds, sees, given.keys().cloned().collect::<Vec<_>>())) {
                        continue;
                    }
                    let expected = (!(before && after)).then(|| self.refusal(entity, person, &row));
                    self.note(entity, "write", entity.write, person, &row);
                    let answer = program.change(entity.name, id, Value::Object(given.clone())).await?;
                    self.expect(&format!("{name} {row:?} {given:?}"), entity, "change", expected, &answer);
                }
            }
        }
        Ok(())
    }

    /// The changes to ask for: one of a column that everybody may give who may write the row, one of each other column, and moves.
    fn changes(&self, entity: &'static Entity, row: &Fields) -> Vec<Fields> {
        let only = |column: &Column, value: &Value| Fields::from_iter([(column.name.to_owned(), value.clone())]);
        let is_changed = |column: &&Column| !matches!(column.merge, Merge::Key | Merge::Carried | Merge::Server) && !column.names_author;
        let same = |column: &Column| only(column, &row[column.name]);
        let columns: Vec<&'static Column> = entity.columns.iter().filter(is_changed).filter(|column| column.merge != Merge::Sum).collect();
        let free = columns.iter().find(|column| column.by.is_none());
        let mut changes = vec![free.map_or_else(Fields::new, |column| same(column))];
        changes.extend(columns.iter().filter(|column| column.by.is_some()).map(|column| same(column)));
        let deciding = deciding(entity);
        for column in columns.iter().filter(|column| deciding.contains(column.name)) {
            let values =
                self.standing.iter().filter(|standing| standing.entity.name == entity.name).map(|standing| &standing.row[column.name]);
            let words = if let registry::Kind::Choice(words) = column.kind { words } else { &[][..] };
            let values = values.cloned().chain(words.iter().map(|word| json!(word)));
            let distinct: BTreeMap<String, Value> = values.map(|value| (value.to_string(), value)).collect();
            changes.extend(distinct.values().filter(|value| **value != row[column.name]).map(|value| only(column, value)));
        }
        changes
    }

    /// Asks first where it is refused, and then for rows that may go.
    async fn delete(&mut self, entity: &'static Entity) -> Outcome<()> {
        for asker in 0..self.askers.len() {
            let (name, person, program) = self.asker(asker);
            let kind = |row: &Fields| (kind_of(&self.facts, &[entity.delete], person, row), self.facts.reads(entity, person, row));
            for row in self.kinds(entity, kind) {
                let id = id_of(&row);
                let may = self.facts.allow(entity.delete, person, &row);
                let expected = (!may).then(|| self.refusal(entity, person, &row));
                self.note(entity, "delete", entity.delete, person, &row);
                let id = if may { self.spare(entity, id, &row).await? } else { id };
                let answer = program.delete(entity.name, id).await?;
                self.expect(&format!("{name} {row:?}"), entity, "delete", expected, &answer);
                let is_gone = answer.status == StatusCode::NO_CONTENT;
                if is_gone == self.exists(entity, id).await? {
                    self.wrong.push(format!("{name} {}: {} and the row is gone: {}", entity.name, answer.status, !is_gone));
                }
                if is_gone && matches!(entity.id, IdRule::Derived(_)) {
                    self.put_back(entity, id, &row).await?;
                }
            }
        }
        Ok(())
    }

    /// A row to delete in the place of this one: a copy without parts, or the row itself where its id follows from its key.
    async fn spare(&mut self, entity: &'static Entity, id: Uuid, row: &Fields) -> Outcome<Uuid> {
        if matches!(entity.id, IdRule::Derived(_)) {
            return Ok(id);
        }
        let copy = self.rows.with_keys(entity, row.clone());
        let id = Uuid::now_v7();
        self.put_back(entity, id, &copy).await?;
        Ok(id)
    }

    async fn put_back(&mut self, entity: &'static Entity, id: Uuid, row: &Fields) -> Outcome<()> {
        let is_ours = |name: &str| entity.column(name).is_some_and(|column| column.merge != Merge::Server);
        let mut row: Fields = for_sql(entity, row).into_iter().filter(|(name, value)| is_ours(name) && !value.is_null()).collect();
        row.insert("id".to_owned(), json!(id));
        self.school.insert(entity.name, Value::Object(row)).await?;
        if entity.gives_rights() {
            self.forget_rights().await?;
        }
        Ok(())
    }

    /// Another organization's administrator finds nothing of any table.
    async fn ask_as_stranger(&mut self, entity: &'static Entity) -> Outcome<()> {
        let Some(id) = self.standing.iter().find(|standing| standing.entity.name == entity.name).map(|standing| id_of(&standing.row))
        else {
            return Ok(());
        };
        let program = self.stranger.clone();
        let key = id.to_string();
        let listed = program.list(entity.name, &[("id", key.as_str())]).await?;
        let answers = [
            program.get(entity.name, id).await?,
            program.change(entity.name, id, json!({})).await?,
            program.delete(entity.name, id).await?,
        ];
        for answer in &answers {
            self.expect("a stranger", entity, "everything", Some("not_found"), answer);
        }
        if !listed.is_empty() || !self.exists(entity, id).await? {
            self.wrong.push(format!("a stranger {}: sees or deletes {id}", entity.name));
        }
        Ok(())
    }

    /// Conditions that were asked only fulfilled or only unfulfilled.
    fn asked_one_way(&self) -> Vec<String> {
        let one_way = self.conditions.iter().filter(|(_, asked)| **asked != [true, true]);
        one_way.map(|((table, operation, rule, place), asked)| format!("{table} {operation} {rule}.{place}: only {}", asked[1])).collect()
    }

    /// Tables whose cells no request was let through, although the rules let somebody.
    fn never_let_through(&self) -> Vec<String> {
        let may = |rules: Rules| !rules.is_empty();
        let operations = |entity: &'static Entity| {
            let is_written = may(entity.write);
            [
                ("read", true),
                ("insert", may_be_made(entity) && entity.name != "organizations"),
                ("change", is_written),
                ("delete", may(entity.delete)),
            ]
        };
        listed()
            .flat_map(|entity| operations(entity).into_iter().filter(|(_, may)| *may).map(move |(operation, _)| (entity.name, operation)))
            .filter(|cell| !self.let_through.contains_key(cell))
            .map(|(table, operation)| format!("{table}: {operation}"))
            .collect()
    }
}

#[tokio::test]
async fn every_cell_of_the_table_of_rights_answers_over_http_as_it_says() -> Outcome<()> {
    let mut town = town().await?;
    for entity in listed() {
        town.insert(entity).await?;
        town.put_rows(entity).await?;
    }
    town.facts = Facts::read(&mut town.school).await?;
    for entity in listed() {
        town.read(entity).await?;
        town.change(entity).await?;
        town.ask_as_stranger(entity).await?;
    }
    for entity in listed().collect::<Vec<_>>().into_iter().rev() {
        town.delete(entity).await?;
    }
    assert!(town.wrong.is_empty(), "{} of {} cells:\n{}", town.wrong.len(), town.cells, town.wrong.join("\n"));
    let never = town.never_let_through();
    assert!(never.is_empty(), "nobody was let through: {never:?}");
    let one_way = town.asked_one_way();
    assert!(one_way.is_empty(), "{one_way:#?}");
    assert!(town.cells > CELLS_MIN, "{}", town.cells);
    Ok(())
}

#[tokio::test]
async fn tables_that_nobody_lists_are_unknown_over_http() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("admin", "vusal").await?;
    let program = Program::sign_in(&server.url(), "vusal").await?;
    for entity in registry::all().iter().filter(|entity| !entity.record.is_data()) {
        let id = Uuid::now_v7();
        let (code, _) = program.list_refusal(entity.name, &[]).await?;
        assert_eq!(code, "unknown_entity", "{}", entity.name);
        for answer in [
            program.get(entity.name, id).await?,
            program.make(entity.name, json!({})).await?,
            program.change(entity.name, id, json!({})).await?,
            program.delete(entity.name, id).await?,
        ] {
            assert_eq!(answer.code(), Some("unknown_entity"), "{}: {}", entity.name, answer.body);
        }
    }
    Ok(())
}
