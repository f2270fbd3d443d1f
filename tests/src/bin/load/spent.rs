//! What processes spent, as the kernel counts it.

use std::path::Path;

use waystation_tests::Outcome;

/// The kernel's clock ticks in a second: the same on every Linux that this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time of the server and of PostgreSQL, in seconds.
pub struct Spent {
    server: f64,
    postgres: f64,
}

impl Spent {
    /// Up to now. PostgreSQL's is that of its first process, of all that it started and of those that ended.
    pub fn now(server: u32, postgres: u32) -> Outcome<Spent> {
        let mut all = of_itself(postgres)? + of_ended_children(postgres)?;
        for entry in std::fs::read_dir("/proc")?.flatten() {
            let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            // One that ended meanwhile is counted with its parent next time.
            if fields(process).is_ok_and(|fields| fields.get(1).and_then(|parent| parent.parse().ok()) == Some(postgres)) {
                all += of_itself(process).unwrap_or(0.0);
            }
        }
        Ok(Spent { server: of_itself(server)?, postgres: all })
    }

    /// What the server and PostgreSQL spent since.
    pub fn since(&self, before: &Spent) -> (f64, f64) {
        (self.server - before.server, self.postgres - before.postgres)
    }
}

/// The fields of `/proc/…/stat` after the name, which may hold spaces: state, parent, …
fn fields(process: u32) -> Outcome<Vec<String>> {
    let text = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat"))?;
    let (_, rest) = text.rsplit_once(')').ok_or("no name in stat")?;
    Ok(rest.split_whitespace().map(str::to_owned).collect())
}

fn seconds(process: u32, places: [usize; 2]) -> Outcome<f64> {
    let fields = fields(process)?;
    let mut ticks = 0.0;
    for place in places {
        ticks += fields.get(place).ok_or("too few fields in stat")?.parse::<f64>()?;
    }
    Ok(ticks / TICKS_PER_SECOND)
}

fn of_itself(process: u32) -> Outcome<f64> {
    seconds(process, [11, 12])
}

fn of_ended_children(process: u32) -> Outcome<f64> {
    seconds(process, [13, 14])
}

/// Memory that a process holds, in KiB.
pub fn resident_kib(process: u32) -> Outcome<u64> {
    let text = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no memory in status")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}
