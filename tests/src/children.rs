//! Child processes that never outlive the test program.
//!
//! On Linux each is started through `setpriv --pdeathsig`, so that the kernel ends it when the thread that started it ends. That thread is
//! a dedicated one here: it runs as long as the process, independently of tests and runtimes.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child as SystemChild, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::user::SystemUser;
use crate::{Outcome, wait};

/// How much of a log is quoted in an error.
const LOG_TAIL_LINES: usize = 15;

/// How a program is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// As Ctrl+C does.
    Interrupt,
    /// As a system that shuts down does.
    Terminate,
    /// As PostgreSQL is told to end at once, its children first.
    Quit,
    /// Killed without being asked.
    Kill,
}

impl Signal {
    fn word(self) -> &'static str {
        match self {
            Signal::Interrupt => "INT",
            Signal::Terminate => "TERM",
            Signal::Quit => "QUIT",
            Signal::Kill => "KILL",
        }
    }
}

/// A program to run beside us.
#[derive(Debug)]
pub struct Program {
    name: String,
    path: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    user: Option<SystemUser>,
    input: Option<String>,
    on_parent_exit: Signal,
}

impl Program {
    /// A program with a name for messages and its path.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Program {
        Program {
            name: name.into(),
            path: path.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            user: None,
            input: None,
            on_parent_exit: Signal::Kill,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Program {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn arguments<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Program {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds one environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Program {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Adds environment variables.
    #[must_use]
    pub fn variables(mut self, variables: &[(String, OsString)]) -> Program {
        self.environment.extend_from_slice(variables);
        self
    }

    /// Sets the user that runs it, when there is one.
    #[must_use]
    pub fn user(mut self, user: Option<SystemUser>) -> Program {
        self.user = user;
        self
    }

    /// Sets the text of its standard input.
    #[must_use]
    pub fn input(mut self, text: impl Into<String>) -> Program {
        self.input = Some(text.into());
        self
    }

    /// Sets the signal that it receives when the test program ends.
    #[must_use]
    pub fn on_parent_exit(mut self, signal: Signal) -> Program {
        self.on_parent_exit = signal;
        self
    }

    /// Starts it; its output goes to the file `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(self, log: &Path) -> Outcome<Child> {
        let name = self.name.clone();
        let output = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut command = self.command();
        command.stdout(output.try_clone()?).stderr(output);
        command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = spawn(command).map_err(|error| format!("{name} cannot be started: {error}"))?;
        if let (Some(text), Some(mut pipe)) = (self.input, child.stdin.take()) {
            pipe.write_all(text.as_bytes())?;
        }
        Ok(Child { name, pid: child.id(), log: log.to_path_buf(), child: Mutex::new(child) })
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be started or ends with an error; the message has its output.
    pub fn run(self, log: &Path, time_max: Duration) -> Outcome<()> {
        let child = self.start(log)?;
        let well = wait::until_blocking(&format!("{} ends", child.name), time_max, || child.ended())?;
        if well { Ok(()) } else { Err(child.report("ended badly").into()) }
    }

    fn command(&self) -> Command {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(user) = &self.user {
            let (program, arguments) = user.prefix();
            words.push(program.into());
            words.extend(arguments.into_iter().map(Into::into));
        }
        if cfg!(target_os = "linux") {
            words.extend(["setpriv", "--pdeathsig", self.on_parent_exit.word(), "--"].map(Into::into));
        }
        words.push(self.path.clone().into());
        words.extend(self.arguments.iter().cloned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // A Ctrl+C at the terminal is handled by the test program, which ends its children in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// Starts a program from the one thread that runs as long as the process.
fn spawn(mut command: Command) -> std::io::Result<SystemChild> {
    static THREAD: OnceLock<Mutex<Sender<Job>>> = OnceLock::new();
    let thread = THREAD.get_or_init(|| {
        let (jobs, received) = channel::<Job>();
        std::thread::spawn(move || received.into_iter().for_each(|job| job()));
        Mutex::new(jobs)
    });
    let (answer, answered) = channel();
    let job: Job = Box::new(move || {
        // The caller waits for the answer below.
        let _ = answer.send(command.spawn());
    });
    thread.lock().unwrap_or_else(PoisonError::into_inner).send(job).map_err(|_| std::io::Error::other("the starting thread is gone"))?;
    answered.recv().map_err(std::io::Error::other)?
}

/// A running program. Dropped, it is killed.
#[derive(Debug)]
pub struct Child {
    name: String,
    pid: u32,
    log: PathBuf,
    child: Mutex<SystemChild>,
}

impl Child {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The file with its output.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it ended, and if so whether it ended successfully.
    ///
    /// # Errors
    /// When the system does not report it.
    pub fn ended(&self) -> Outcome<Option<bool>> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(child.try_wait()?.map(|status| status.success()))
    }

    /// Fails when it is no longer running.
    ///
    /// # Errors
    /// With its last output.
    pub fn ensure_running(&self) -> Outcome<()> {
        match self.ended()? {
            None => Ok(()),
            Some(_) => Err(self.report("ended by itself").into()),
        }
    }

    /// A message about it, with the last lines of its output.
    pub fn report(&self, what: &str) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n");
        format!("{} {what}; its log {} ends with:\n{tail}", self.name, self.log.display())
    }

    /// Asks it to end and waits; kills it when it does not end in time.
    pub fn stop(&self, signal: Signal, time_max: Duration) {
        if matches!(self.ended(), Ok(Some(_))) {
            return;
        }
        if signal != Signal::Kill {
            send(self.pid, signal);
            let ended = || Ok(self.ended()?.map(|_| ()));
            if wait::until_blocking("a program ends", time_max, ended).is_ok() {
                return;
            }
        }
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // Both fail only when the process has already ended.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop(Signal::Kill, Duration::ZERO);
    }
}

/// Sends a signal to a process that this program started.
pub fn send(pid: u32, signal: Signal) {
    // The shell's builtin `kill`: a small system has no program of that name.
    let _ = Command::new("sh")
        .args(["-c", "kill -s \"$1\" \"$2\"", "sh", signal.word(), &pid.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
