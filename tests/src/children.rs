//! Programs that run beside us and never outlive us.
//!
//! On Linux each is started through `setpriv --pdeathsig`, so that the kernel ends it when the thread that started it
//! is gone. That thread is one of its own here: it lives as long as the process, whatever happens to tests and runtimes.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child as SystemChild, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::user::SystemUser;
use crate::{Outcome, patience};

/// How much of a log is quoted in an error.
const LOG_TAIL_LINES: usize = 15;

/// How a program is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// As Ctrl+C asks.
    Interrupt,
    /// As a system that shuts down asks.
    Terminate,
    /// As PostgreSQL is told to end at once, its children first.
    Quit,
    /// Not asked at all.
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
    when_we_die: Signal,
}

impl Program {
    /// A program by its name for people and its path.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Program {
        Program {
            name: name.into(),
            path: path.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            user: None,
            input: None,
            when_we_die: Signal::Kill,
        }
    }

    /// With one more argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Program {
        self.arguments.push(argument.into());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn arguments<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Program {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// With one more variable in its environment.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Program {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// With more variables in its environment.
    #[must_use]
    pub fn variables(mut self, variables: &[(String, OsString)]) -> Program {
        self.environment.extend_from_slice(variables);
        self
    }

    /// Run by another user, when there is one.
    #[must_use]
    pub fn user(mut self, user: Option<SystemUser>) -> Program {
        self.user = user;
        self
    }

    /// With a text to read.
    #[must_use]
    pub fn input(mut self, text: impl Into<String>) -> Program {
        self.input = Some(text.into());
        self
    }

    /// Asked to end in this way when we are gone.
    #[must_use]
    pub fn when_we_die(mut self, signal: Signal) -> Program {
        self.when_we_die = signal;
        self
    }

    /// Starts it; what it prints goes to the file `log`.
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
    /// When it cannot be started or ends badly, with what it printed.
    pub fn run(self, log: &Path, time_max: Duration) -> Outcome<()> {
        let child = self.start(log)?;
        let well = patience::until_blocking(&format!("{} ends", child.name), time_max, || child.ended())?;
        if well { Ok(()) } else { Err(child.says("ended badly").into()) }
    }

    fn command(&self) -> Command {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(user) = &self.user {
            let (program, arguments) = user.prefix();
            words.push(program.into());
            words.extend(arguments.into_iter().map(Into::into));
        }
        if cfg!(target_os = "linux") {
            words.extend(["setpriv", "--pdeathsig", self.when_we_die.word(), "--"].map(Into::into));
        }
        words.push(self.path.clone().into());
        words.extend(self.arguments.iter().cloned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // A Ctrl+C at the terminal is for us: we end the others in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// Starts a program from the one thread that lives as long as we do.
fn spawn(mut command: Command) -> std::io::Result<SystemChild> {
    static THREAD: OnceLock<Mutex<Sender<Job>>> = OnceLock::new();
    let thread = THREAD.get_or_init(|| {
        let (jobs, received) = channel::<Job>();
        std::thread::spawn(move || received.into_iter().for_each(|job| job()));
        Mutex::new(jobs)
    });
    let (answer, answered) = channel();
    let job: Job = Box::new(move || {
        // Whoever asked waits for the answer below.
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
    /// Its id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Where what it prints goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it ended, and then whether it ended well.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&self) -> Outcome<Option<bool>> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(child.try_wait()?.map(|status| status.success()))
    }

    /// An error when it is not running any more.
    ///
    /// # Errors
    /// With what it printed last.
    pub fn must_run(&self) -> Outcome<()> {
        match self.ended()? {
            None => Ok(()),
            Some(_) => Err(self.says("ended by itself").into()),
        }
    }

    /// A sentence about it, with the last lines that it printed.
    pub fn says(&self, what: &str) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n");
        format!("{} {what}; its log {} ends with:\n{tail}", self.name, self.log.display())
    }

    /// Asks it to end and waits; kills it when it does not within the time.
    pub fn stop(&self, signal: Signal, time_max: Duration) {
        if matches!(self.ended(), Ok(Some(_))) {
            return;
        }
        if signal != Signal::Kill {
            send(self.pid, signal);
            let ended = || Ok(self.ended()?.map(|_| ()));
            if patience::until_blocking("a program ends", time_max, ended).is_ok() {
                return;
            }
        }
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // Both fail only when it is gone already.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop(Signal::Kill, Duration::ZERO);
    }
}

/// Sends a signal to a process that we know to be ours.
pub fn send(pid: u32, signal: Signal) {
    // The shell's own `kill`: a small system has no program of that name.
    let _ = Command::new("sh")
        .args(["-c", "kill -s \"$1\" \"$2\"", "sh", signal.word(), &pid.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
