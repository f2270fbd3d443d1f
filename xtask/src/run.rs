//! Running other programs so that nothing outlives us.
//!
//! A program runs in a process group of its own. Beside it a small shell holds the end of a pipe: when we are gone, for
//! whatever reason, the pipe closes and the shell ends the group. When the program ends by itself, the shell is told.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

/// Ends the group `$1` unless a line arrives first: politely, then after five seconds for good.
#[cfg(unix)]
const WATCH: &str = r#"trap '' INT TERM HUP QUIT
if read -r _; then exit 0; fi
kill -s TERM -- "-$1" 2>/dev/null || exit 0
n=0
while [ "$n" -lt 50 ] && kill -s 0 -- "-$1" 2>/dev/null; do sleep 0.1; n=$((n + 1)); done
kill -s KILL -- "-$1" 2>/dev/null"#;

/// Runs a program with its output shown; true when it ended well.
pub fn shown(command: &mut Command) -> Result<bool, String> {
    let mut running = start(command.stdout(Stdio::inherit()))?;
    running.end()
}

/// Runs a program with its output shown, and gives every line of it to `each` as well.
pub fn heard(command: &mut Command, mut each: impl FnMut(&str)) -> Result<bool, String> {
    let mut running = start(command.stdout(Stdio::piped()))?;
    let output = running.child.stdout.take().expect("the output is piped");
    for line in BufReader::new(output).lines() {
        // What is not text is not for us to count; the program's end tells the truth.
        let Ok(line) = line else { continue };
        println!("{line}");
        each(&line);
    }
    running.end()
}

/// Runs a program and returns what it printed; an error when it ended badly.
pub fn output(command: &mut Command) -> Result<String, String> {
    let name = name(command);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name} ended with {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{name} printed something that is not text"))
}

/// What a program printed, when it is there and ended well.
pub fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

struct Running {
    child: Child,
    watch: Option<Child>,
    name: String,
}

impl Running {
    fn end(&mut self) -> Result<bool, String> {
        let status = self.child.wait().map_err(|error| format!("{}: {error}", self.name))?;
        if let Some(mut watch) = self.watch.take() {
            if let Some(mut pipe) = watch.stdin.take() {
                // A watcher that is gone needs no word.
                let _ = writeln!(pipe, "done");
            }
            let _ = watch.wait();
        }
        Ok(status.success())
    }
}

fn start(command: &mut Command) -> Result<Running, String> {
    let name = name(command);
    command.stdin(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let child = command.spawn().map_err(|error| format!("{name} cannot be started: {error}"))?;
    let watch = watch(child.id()).map_err(|error| format!("sh cannot be started: {error}"));
    match watch {
        Ok(watch) => Ok(Running { child, watch, name }),
        Err(why) => {
            let mut child = child;
            let _ = child.kill();
            let _ = child.wait();
            Err(why)
        }
    }
}

#[cfg(unix)]
fn watch(group: u32) -> std::io::Result<Option<Child>> {
    let mut watch = Command::new("sh");
    watch.args(["-c", WATCH, "sh", &group.to_string()]);
    watch.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    std::os::unix::process::CommandExt::process_group(&mut watch, 0);
    watch.spawn().map(Some)
}

#[cfg(not(unix))]
fn watch(_group: u32) -> std::io::Result<Option<Child>> {
    Ok(None)
}

fn name(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().take(3).map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}
