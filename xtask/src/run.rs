//! Runs other programs so that none of them outlives this process.
//!
//! A program runs in a process group of its own. A small shell reads from a pipe: when this process ends, for any reason, the
//! pipe closes and the shell ends the group. When the program ends by itself, the shell receives a line and exits.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

/// Ends the group `$1` unless a line arrives first: with TERM, and after five seconds with KILL.
#[cfg(unix)]
const WATCH: &str = r#"trap '' INT TERM HUP QUIT
if read -r _; then exit 0; fi
kill -s TERM -- "-$1" 2>/dev/null || exit 0
n=0
while [ "$n" -lt 50 ] && kill -s 0 -- "-$1" 2>/dev/null; do sleep 0.1; n=$((n + 1)); done
kill -s KILL -- "-$1" 2>/dev/null"#;

/// Runs a program with its output shown; true when it succeeded.
pub fn shown(command: &mut Command) -> Result<bool, String> {
    let mut running = start(command.stdout(Stdio::inherit()))?;
    running.end()
}

/// Runs a program with its output shown, and passes every line of it to `each`.
pub fn with_lines(command: &mut Command, mut each: impl FnMut(&str)) -> Result<bool, String> {
    let mut running = start(command.stdout(Stdio::piped()))?;
    let output = running.child.stdout.take().expect("the output is piped");
    for line in BufReader::new(output).lines() {
        // A line that is not text is not counted. The program's exit status decides.
        let Ok(line) = line else { continue };
        println!("{line}");
        each(&line);
    }
    running.end()
}

/// A program that runs beside others, whose output is kept until it has ended.
pub struct Beside {
    running: Running,
    output: JoinHandle<Vec<String>>,
}

/// Starts a program that runs beside others.
pub fn beside(command: &mut Command) -> Result<Beside, String> {
    let mut running = start(command.stdout(Stdio::piped()))?;
    let output = running.child.stdout.take().expect("the output is piped");
    let output = std::thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).collect());
    Ok(Beside { running, output })
}

impl Beside {
    /// Waits for its end, shows its output, and passes every line of it to `each`; true when it succeeded.
    pub fn end(mut self, mut each: impl FnMut(&str)) -> Result<bool, String> {
        let succeeded = self.running.end()?;
        for line in self.output.join().unwrap_or_default() {
            println!("{line}");
            each(&line);
        }
        Ok(succeeded)
    }
}

/// Runs a program and returns its output; an error when it failed.
pub fn output(command: &mut Command) -> Result<String, String> {
    let name = name(command);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name} ended with {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{name} printed something that is not text"))
}

/// A program's output; none when it is missing or failed.
pub fn output_if_ok(program: &str, arguments: &[&str]) -> Option<String> {
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
                // Writing fails if the shell has ended already.
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
        Err(error) => {
            let mut child = child;
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
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
