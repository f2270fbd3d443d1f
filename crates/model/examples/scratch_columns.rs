//! Scratch.
use waystation_model::registry::{all, IdRule, Kind};
fn main() {
    let mut out = Vec::new();
    for e in all() {
        let cols: Vec<_> = e.columns.iter().map(|c| {
            let (k, words): (&str, Vec<&str>) = match c.kind {
                Kind::Uuid => ("uuid", vec![]), Kind::Text => ("text", vec![]), Kind::Choice(w) => ("choice", w.to_vec()), Kind::Truth => ("truth", vec![]),
                Kind::Whole => ("whole", vec![]), Kind::Real => ("real", vec![]), Kind::Date => ("date", vec![]), Kind::Time => ("time", vec![]),
                Kind::Timestamp => ("timestamp", vec![]), Kind::Json => ("json", vec![]) };
            serde_json::json!({"name": c.name, "kind": k, "words": words, "nullable": c.nullable, "merge": format!("{:?}", c.merge), "default": c.default_value()})
        }).collect();
        out.push(serde_json::json!({"name": e.name, "code": e.code, "made": e.id == IdRule::Made, "tracked": !e.tracked_groups().is_empty(), "columns": cols}));
    }
    println!("{}", serde_json::Value::from(out));
}
