//! Resources that processes used, as the kernel counts them.

use std::path::Path;

use waystation_tests::Outcome;

/// The kernel's clock ticks per second: the same on every supported Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time of the server and of PostgreSQL, in seconds.
pub struct Spent {
    server: f64,
    postgres: f64,
}

impl Spent {
    /// Totals up to now. PostgreSQL's total is that of its first process, of all its children and of those that ended.
    pub fn now(server: u32, postgres: u32) -> Outcome<Spent> {
        let mut all = of_itself(postgres)? + of_ended_children(postgres)?;
        for entry in std::fs::read_dir("/proc")?.flatten() {
            let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            // The time of a process that ends meanwhile is counted with its parent next time.
            if fields(process).is_ok_and(|fields| fields.get(1).and_then(|parent| parent.parse().ok()) == Some(postgres)) {
                all += of_itself(process).unwrap_or(0.0);
            }
        }
        Ok(Spent { server: of_itself(server)?, postgres: all })
    }

    /// What the server and PostgreSQL used since `before`.
    pub fn since(&self, before: &Spent) -> (f64, f64) {
        (self.server - before.server, self.postgres - before.postgres)
    }
}

/// The fields of `/proc/…/stat` after the name, which may contain spaces: state, parent, …
fn fields(process: u32) -> Outcome<Vec<String>> {
    let text = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat"))?;
    let (_, rest) = text.rsplit_once(')').ok_or("no name in stat")?;
    Ok(rest.split_whitespace().map(str::to_owned).collect())
}

fn seconds(process: u32, columns: [usize; 2]) -> Outcome<f64> {
    let fields = fields(process)?;
    let mut ticks = 0.0;
    for column in columns {
        ticks += fields.get(column).ok_or("too few fields in stat")?.parse::<f64>()?;
    }
    Ok(ticks / TICKS_PER_SECOND)
}

fn of_itself(process: u32) -> Outcome<f64> {
    seconds(process, [11, 12])
}

fn of_ended_children(process: u32) -> Outcome<f64> {
    seconds(process, [13, 14])
}

/// Resident memory of a process, in KiB.
pub fn resident_kib(process: u32) -> Outcome<u64> {
    let text = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no memory in status")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}
