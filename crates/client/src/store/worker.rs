//! A thread that owns one value and runs jobs on it in order. It keeps blocking SQLite calls off the async threads, and
//! no transaction can span an await, because the whole transaction is one job.

use std::sync::mpsc;

use tokio::sync::oneshot;

use crate::error::{ClientError, Result};

type Job<T> = Box<dyn FnOnce(&mut Option<T>) + Send>;

/// A handle to the thread. The thread ends when the last handle is dropped; the owned value may be dropped earlier.
pub struct Worker<T> {
    jobs: mpsc::Sender<Job<T>>,
}

impl<T> Clone for Worker<T> {
    fn clone(&self) -> Worker<T> {
        Worker { jobs: self.jobs.clone() }
    }
}

impl<T: Send + 'static> Worker<T> {
    /// Starts a thread of this name around `owned`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(name: &str, owned: T) -> Result<Worker<T>> {
        let (jobs, queue) = mpsc::channel::<Job<T>>();
        let mut owned = Some(owned);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                for job in queue {
                    // A job that panics has rolled its transaction back; its caller gets `WorkerStopped`.
                    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&mut owned)));
                }
            })
            .map_err(|_| ClientError::WorkerStopped)?;
        Ok(Worker { jobs })
    }

    /// Runs `work` on the owned value, after all earlier jobs.
    ///
    /// # Errors
    /// Those of `work`, `Closed` after `close`, and `WorkerStopped` when it panicked.
    pub async fn call<R: Send + 'static>(&self, work: impl FnOnce(&mut T) -> Result<R> + Send + 'static) -> Result<R> {
        self.run(move |owned| work(owned.as_mut().ok_or(ClientError::Closed)?)).await
    }

    /// Drops the owned value after all earlier jobs, even while other handles exist.
    pub async fn close(&self) {
        // An error means that it was closed before or the thread has ended: then there is nothing to drop.
        let _ = self
            .run(|owned| {
                drop(owned.take());
                Ok(())
            })
            .await;
    }

    async fn run<R: Send + 'static>(&self, work: impl FnOnce(&mut Option<T>) -> Result<R> + Send + 'static) -> Result<R> {
        let (answer, answered) = oneshot::channel();
        let job: Job<T> = Box::new(move |owned| {
            // The receiver is gone when the caller was cancelled; the work is done all the same.
            let _ = answer.send(work(owned));
        });
        self.jobs.send(job).map_err(|_| ClientError::WorkerStopped)?;
        answered.await.map_err(|_| ClientError::WorkerStopped)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panicking_job_does_not_end_the_thread() {
        let worker = Worker::start("test", 1_i32).expect("a thread");
        let broken = worker.call::<()>(|_| panic!("on purpose")).await;
        assert!(matches!(broken, Err(ClientError::WorkerStopped)));
        let sum = worker.call(|owned| {
            *owned += 1;
            Ok(*owned)
        });
        assert_eq!(sum.await.expect("still there"), 2);
        worker.close().await;
        assert!(matches!(worker.call(|owned| Ok(*owned)).await, Err(ClientError::Closed)));
        worker.close().await;
    }
}
