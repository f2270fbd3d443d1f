//! The address that programs know a database by, wherever it runs: what operators move to another machine in a failover.
//!
//! It lives in the runtime of the test. A test that also waits for processes needs a runtime of several threads.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::Outcome;

/// An address on the loopback that leads to one database at a time. Dropped, it is gone with every connection through it.
#[derive(Debug)]
pub struct VirtualAddress {
    address: SocketAddr,
    target: watch::Sender<Option<SocketAddr>>,
    carrying: JoinHandle<()>,
}

impl VirtualAddress {
    /// A new address that leads nowhere yet.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn new() -> Outcome<VirtualAddress> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (target, leads) = watch::channel(None);
        let carrying = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((caller, _)) = listener.accept().await {
                connections.spawn(carry(caller, leads.clone()));
                // Those that have ended are not kept.
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(VirtualAddress { address, target, carrying })
    }

    /// The address itself.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it leads there. Connections to anywhere else are cut.
    pub fn lead_to(&self, target: SocketAddr) {
        self.target.send_replace(Some(target));
    }

    /// From now on it leads nowhere: every connection is cut, and new ones are closed at once.
    pub fn lead_nowhere(&self) {
        self.target.send_replace(None);
    }
}

impl Drop for VirtualAddress {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

/// Carries one connection until either side ends it or the address leads elsewhere.
async fn carry(mut caller: TcpStream, mut leads: watch::Receiver<Option<SocketAddr>>) {
    let Some(target) = *leads.borrow_and_update() else { return };
    let carried = async {
        let mut database = TcpStream::connect(target).await?;
        copy_bidirectional(&mut caller, &mut database).await
    };
    tokio::select! {
        // A broken connection is for its two ends to notice.
        _ = carried => {}
        _ = leads.changed() => {}
    }
}
